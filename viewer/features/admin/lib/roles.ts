import { messagesOf } from "@/shared/i18n";
import type { Role } from "@/shared/api/types";

/** Those that have a word (`roleWords`); one that the API knows and that has none does not compile. */
const words: Record<Role, string> = messagesOf("en").admin.roleWords;

export const allRoles = Object.keys(words) as readonly Role[];
