"use client";

import { useEffect, useRef } from "react";

export interface MenuAction {
  key: string;
  word: string;
  /** The key that does the same. */
  hint?: string;
  disabled?: boolean;
  run: () => void;
}

/** A menu where the pointer is, as WAI-ARIA has it: arrows go through it, Escape and a press elsewhere close it. */
export function ContextMenu({
  label,
  at,
  actions,
  onClose,
}: {
  label: string;
  /** CSS pixels from the top left of the window. */
  at: { x: number; y: number };
  actions: readonly MenuAction[];
  onClose: () => void;
}) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = menu.current;
    if (!element) return;
    // Wholly within the window, whatever the corner in which it was asked for.
    const { width, height } = element.getBoundingClientRect();
    element.style.left = `${Math.max(0, Math.min(at.x, window.innerWidth - width - 4))}px`;
    element.style.top = `${Math.max(0, Math.min(at.y, window.innerHeight - height - 4))}px`;
    const before = document.activeElement;
    element.querySelector<HTMLElement>("button:not(:disabled)")?.focus();
    const onPress = (event: PointerEvent) => {
      if (!element.contains(event.target as Node)) onClose();
    };
    const onKey = (event: KeyboardEvent) => {
      const items = [...element.querySelectorAll<HTMLElement>("button:not(:disabled)")];
      const place = items.findIndex((item) => item === document.activeElement);
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0;
      if (event.key === "Enter" || event.key === " ") {
        event.stopPropagation();
        return;
      }
      // While it is open, the keys are its own.
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape" || event.key === "Tab") onClose();
      else if (step !== 0) items[(place + step + items.length) % items.length]?.focus();
      else if (event.key === "Home") items[0]?.focus();
      else if (event.key === "End") items.at(-1)?.focus();
    };
    document.addEventListener("pointerdown", onPress, { capture: true });
    document.addEventListener("keydown", onKey, { capture: true });
    return () => {
      document.removeEventListener("pointerdown", onPress, { capture: true });
      document.removeEventListener("keydown", onKey, { capture: true });
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [at, onClose]);
  return (
    <div
      ref={menu}
      role="menu"
      aria-label={label}
      data-testid="context-menu"
      className="fixed z-30 min-w-52 rounded-lg border border-line-strong bg-raised py-1 text-[0.8125rem] shadow-xl"
      onContextMenu={(event) => event.preventDefault()}
    >
      {actions.map(({ key, word, hint, disabled, run }) => (
        <button
          key={key}
          type="button"
          role="menuitem"
          tabIndex={-1}
          data-action={key}
          disabled={disabled}
          className="flex w-full items-baseline gap-6 px-3 py-1 text-left hover:bg-line focus:bg-line focus:outline-none disabled:text-dim disabled:opacity-60"
          onClick={() => {
            onClose();
            run();
          }}
        >
          <span className="flex-1">{word}</span>
          {hint && <kbd className="text-xs text-dim">{hint}</kbd>}
        </button>
      ))}
    </div>
  );
}
