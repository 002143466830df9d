"use client";

import { useEffect, useRef } from "react";

/** Who only drags across a tab does not want to go there. */
const springMs = 450;

/** Tabs as WAI-ARIA has them: the arrow keys go from one to the next. */
export function Tabs<T extends string>({
  label,
  tabs,
  chosen,
  onChoose,
  onDragTo,
}: {
  label: string;
  tabs: readonly { key: T; word: string; hint: string }[];
  chosen: T;
  onChoose: (key: T) => void;
  /** Whether what is dragged can be dropped within: then a tab opens that it rests on. */
  onDragTo?: (types: readonly string[]) => boolean;
}) {
  const spring = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(spring.current), []);
  return (
    <div role="tablist" aria-label={label} className="flex border-b border-line">
      {tabs.map(({ key, word, hint }, place) => (
        <button
          key={key}
          id={`tab-${key}`}
          type="button"
          role="tab"
          aria-selected={key === chosen}
          aria-controls={`panel-${key}`}
          tabIndex={key === chosen ? 0 : -1}
          title={hint}
          className="flex-1 border-b-2 border-transparent px-3 py-2 text-dim hover:text-ink aria-selected:border-accent aria-selected:font-medium aria-selected:text-ink"
          onClick={() => onChoose(key)}
          onDragEnter={(event) => {
            if (key === chosen || !onDragTo?.(event.dataTransfer.types)) return;
            clearTimeout(spring.current);
            spring.current = setTimeout(() => onChoose(key), springMs);
          }}
          onDragLeave={() => clearTimeout(spring.current)}
          onKeyDown={(event) => {
            const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
            const next = tabs[(place + step + tabs.length) % tabs.length];
            if (!step || !next) return;
            event.preventDefault();
            onChoose(next.key);
            document.getElementById(`tab-${next.key}`)?.focus();
          }}
        >
          {word}
        </button>
      ))}
    </div>
  );
}
