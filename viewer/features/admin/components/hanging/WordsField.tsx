"use client";

import { useState } from "react";
import { wordsOf } from "@/features/admin/lib/hangingDraft";

/** Several words in one field, with commas between them; what is written stays as it is while it is written. */
export function WordsField({
  label,
  hint = "",
  words,
  onChange,
}: {
  label: string;
  hint?: string;
  words: readonly string[];
  onChange: (words: string[]) => void;
}) {
  const [written, setWritten] = useState(words.join(", "));
  const shown = wordsOf(written).join() === words.join() ? written : words.join(", ");
  return (
    <label className="block text-xs text-dim">
      {label}
      <input
        className="control mt-1 w-full text-ink"
        placeholder={hint}
        value={shown}
        onChange={(event) => {
          setWritten(event.target.value);
          onChange(wordsOf(event.target.value));
        }}
      />
    </label>
  );
}
