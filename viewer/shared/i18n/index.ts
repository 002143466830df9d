import { currentLanguage, type Language } from "@/shared/i18n/language";
import { de } from "@/shared/i18n/de";
import { en } from "@/shared/i18n/en";
import { withFallback } from "@/shared/i18n/fallback";
import { fr } from "@/shared/i18n/fr";
import type { Messages } from "@/shared/i18n/messages";

export type { Messages };

const messages: Record<Language, Messages> = { en, de, fr: withFallback<Messages>(en, fr) };

export function messagesOf(language: Language): Messages {
  return messages[language];
}

/** For what is no component. A component uses `useText`, which follows a change of language. */
export function text(): Messages {
  return messages[currentLanguage()];
}
