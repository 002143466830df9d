import { languages, nodeLanguages, traits, type Language } from "@/shared/i18n/languages";

export { languages, nodeLanguages, type Language };

const key = "mediview.language";
const listeners = new Set<() => void>();
let chosen: Language | null = null;

/** The first of the browser's languages that we speak; English where there is none. */
export function preferred(tags: readonly string[]): Language {
  for (const tag of tags) {
    const found = languages.find((one) => tag.toLowerCase().split("-")[0] === one);
    if (found) return found;
  }
  return "en";
}

function remembered(): Language | null {
  try {
    return languages.find((one) => one === window.localStorage.getItem(key)) ?? null;
  } catch {
    // A browser may forbid it; the page then starts in the browser's language.
    return null;
  }
}

export function currentLanguage(): Language {
  if (chosen === null) {
    if (typeof window === "undefined") return "en";
    chosen = remembered() ?? preferred(navigator.languages);
    document.documentElement.lang = chosen;
  }
  return chosen;
}

/** Speaks it from now on, and in this browser the next time from the start. */
export function setLanguage(next: Language): void {
  chosen = next;
  try {
    window.localStorage.setItem(key, next);
  } catch {
    // Then for this page alone.
  }
  document.documentElement.lang = next;
  for (const listener of listeners) listener();
}

export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function localeOf(language: Language): string {
  return traits[language].locale;
}

export function languageName(language: Language): string {
  return traits[language].name;
}

/** A date such as 2024-01-31 as people write it in the current language. */
export function localDate(date: string): string {
  return traits[currentLanguage()].date(date);
}

/** For numbers; dates and times have their own ways in lib/format. */
export function locale(): string {
  return localeOf(currentLanguage());
}
