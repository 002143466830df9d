"use client";

import { useState } from "react";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";

/** The person's own phrases: what there is, and the selected text as a new one. */
export function Phrases({ selected }: { selected: string }) {
  const { report: t } = useText();
  const { chosen, choose } = usePreferences();
  const [word, setWord] = useState("");
  const phrases = chosen.phrases ?? [];
  const called = word.trim();
  const keep = () => {
    choose({
      phrases: [...phrases.filter((one) => one.word !== called), { word: called, text: selected }],
    });
    setWord("");
  };
  return (
    <details className="rounded-md border border-line p-2 text-[0.8125rem]">
      <summary className="rounded text-dim">{t.phrases}</summary>
      <ul className="mt-1 space-y-1">
        {phrases.map((phrase) => (
          <li key={phrase.word} className="flex items-baseline gap-2">
            <kbd className="key shrink-0">..{phrase.word}</kbd>
            <span className="min-w-0 flex-1 truncate" title={phrase.text}>
              {phrase.text}
            </span>
            <button
              type="button"
              className="control px-1.5 py-0"
              aria-label={t.removePhrase(phrase.word)}
              onClick={() => choose({ phrases: phrases.filter((one) => one !== phrase) })}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <div className="mt-2 flex gap-2">
        <input
          className="min-w-0 flex-1 rounded border border-line-strong bg-ground px-2 py-1"
          aria-label={t.phraseWord}
          placeholder={t.phraseWord}
          maxLength={60}
          value={word}
          onChange={(event) => setWord(event.target.value)}
        />
        <button
          type="button"
          className="control"
          disabled={!called || /[\s.]/.test(called) || !selected}
          title={selected ? selected : t.selectFirst}
          onClick={keep}
        >
          {t.keepSelected}
        </button>
      </div>
    </details>
  );
}
