"use client";

import { type RefObject, useEffect, useRef, useState } from "react";
import { useText } from "@/shared/hooks/useText";

const typingPauseMs = 250;

/** Searches as one types, once the fingers rest. */
export function SearchField({
  inputRef,
  text,
  onText,
  onDown,
}: {
  inputRef: RefObject<HTMLInputElement | null>;
  /** What the list is searched for now. */
  text: string;
  onText: (text: string) => void;
  onDown: () => void;
}) {
  const t = useText().studyList;
  const [typed, setTyped] = useState(text);
  const [known, setKnown] = useState(text);
  if (known !== text) {
    // A saved view or a step back brought another text.
    setKnown(text);
    if (typed.trim() !== text) setTyped(text);
  }
  // A filter chosen while the fingers rest must not be taken back.
  const latest = useRef(onText);
  useEffect(() => {
    latest.current = onText;
  });
  useEffect(() => {
    if (typed.trim() === text) return;
    const timer = setTimeout(() => latest.current(typed.trim()), typingPauseMs);
    return () => clearTimeout(timer);
  }, [typed, text]);
  return (
    <label className="ml-auto flex min-w-44 flex-1 items-center gap-2 rounded-md border border-line bg-panel px-3 focus-within:border-accent sm:max-w-md">
      <span className="sr-only">{t.searchLabel}</span>
      <input
        ref={inputRef}
        type="search"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          onDown();
        }}
        placeholder={t.searchHint}
        className="w-full bg-transparent py-1.5 outline-none placeholder:text-dim"
      />
      <kbd className="key text-dim">/</kbd>
    </label>
  );
}
