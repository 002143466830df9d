"use client";

import { useSyncExternalStore } from "react";
import { messagesOf, type Messages } from "@/shared/i18n";
import { currentLanguage, onLanguage, type Language } from "@/shared/i18n/language";

/** The page is built in English; its language comes with the browser. */
export function useLanguage(): Language {
  return useSyncExternalStore(onLanguage, currentLanguage, () => "en");
}

export function useText(): Messages {
  return messagesOf(useLanguage());
}
