/** Files share their modules (vitest.config.ts), so that a language which one test sets must not be the next one's. */
import { afterEach } from "vitest";
import { setLanguage } from "@/shared/i18n/language";

Object.assign(globalThis, { document: { documentElement: { lang: "" } } });
afterEach(() => setLanguage("en"));
