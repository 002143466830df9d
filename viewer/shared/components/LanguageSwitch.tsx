"use client";

import { usePreferences } from "@/shared/hooks/usePreferences";
import { useLanguage, useText } from "@/shared/hooks/useText";
import { languageName, languages, setLanguage, type Language } from "@/shared/i18n/language";

/** Chosen for this browser at once, and for the person on every other one. */
export function LanguageSwitch() {
  const { choose } = usePreferences();
  return <LanguageChoice onChosen={(language) => choose({ language })} />;
}

/** For this browser alone: before somebody has signed in. */
export function LanguageChoice({ onChosen }: { onChosen?: (language: Language) => void }) {
  const { common } = useText();
  const language = useLanguage();
  return (
    <select
      aria-label={common.language}
      data-testid="language"
      className="control py-[3px]"
      value={language}
      onChange={(event) => {
        const next = event.target.value as Language;
        setLanguage(next);
        onChosen?.(next);
      }}
    >
      {languages.map((one) => (
        <option key={one} value={one} lang={one}>
          {languageName(one)}
        </option>
      ))}
    </select>
  );
}
