import { currentLanguage, type Language } from "@/shared/i18n/language";
import { de } from "@/shared/i18n/de";
import { en } from "@/shared/i18n/en";
import type { Messages } from "@/shared/i18n/messages";

export type { Messages };

const messages: Record<Language, Messages> = { en, de };

export function messagesOf(language: Language): Messages {
  return messages[language];
}

/** For what is no component. A component uses `useText`, which follows a change of language. */
export function text(): Messages {
  return messages[currentLanguage()];
}
