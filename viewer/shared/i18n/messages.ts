import type { en } from "@/shared/i18n/en";

/** English is the pattern: a language that lacks one of its keys does not compile. */
export type Messages = typeof en;
