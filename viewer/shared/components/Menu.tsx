"use client";

import { type ReactNode, useEffect, useRef } from "react";

/** A button with a panel under it; Escape and a click elsewhere close it. */
export function Menu({
  label,
  badge,
  children,
  testId,
  end = false,
}: {
  label: string;
  /** How many of it are chosen; 0 shows nothing. */
  badge?: number;
  children: ReactNode;
  testId?: string;
  /** At the right end of a row: the panel opens to the left. */
  end?: boolean;
}) {
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const element = details.current;
    if (!element) return;
    const onPress = (event: PointerEvent) => {
      if (element.open && !element.contains(event.target as Node)) element.open = false;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !element.open) return;
      event.stopPropagation();
      element.open = false;
      element.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", onPress);
    // Wherever the focus is: a click on the panel itself leaves it on the page. The page's own keys come after.
    document.addEventListener("keydown", onKey, { capture: true });
    return () => {
      document.removeEventListener("pointerdown", onPress);
      document.removeEventListener("keydown", onKey, { capture: true });
    };
  }, []);
  return (
    <details ref={details} className="relative" data-testid={testId}>
      <summary className="control list-none select-none [&::-webkit-details-marker]:hidden">
        {label}
        {badge ? <span className="ml-1.5 rounded-full bg-accent px-1.5 text-xs font-semibold text-ground">{badge}</span> : null}
        <span aria-hidden="true" className="ml-1 text-dim">
          ▾
        </span>
      </summary>
      <div className={`absolute z-20 mt-1.5 min-w-52 rounded-lg border border-line-strong bg-raised p-3 shadow-xl ${end ? "right-0" : "left-0"}`}>
        {children}
      </div>
    </details>
  );
}

export function MenuCheck({
  label,
  checked,
  disabled,
  onChange,
}: {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label className="flex items-center gap-2 py-0.5 whitespace-nowrap">
      <input
        type="checkbox"
        className="size-6 accent-accent"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}
