"use client";

import { useEffect, useRef } from "react";
import { usualKey, type OwnKey } from "@/shared/lib/keys/ownKeys";

const wordless = new Set(["checkbox", "radio", "button", "file"]);
const rangeKeys = /^(Arrow|Page|Home|End)/;

function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) {
    if (target.type === "range") return rangeKeys.test(event.key);
    return !wordless.has(target.type);
  }
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
}

/**
 * Keys of the page, by KeyboardEvent.key, "Ctrl+z" with Ctrl or Cmd; silent while someone types or holds Alt.
 * `own` moves keys to others. Cornerstone prevents the default of every key in a viewport, so that is no sign of being handled.
 */
export function useHotkeys(bindings: Record<string, (event: KeyboardEvent) => void>, own: readonly OwnKey[] = []): void {
  const latest = useRef({ bindings, own });
  useEffect(() => {
    latest.current = { bindings, own };
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // An open dialog has the keys to itself; preventing Escape would keep it open.
      if (document.querySelector("dialog[open]")) return;
      if (event.altKey) return;
      const modified = event.ctrlKey || event.metaKey;
      if (isTyping(event) && (modified || event.key !== "Escape")) return;
      // Enter and Space press the button, link or box that has the focus.
      if (
        !modified &&
        (event.key === "Enter" || event.key === " ") &&
        event.target instanceof HTMLElement &&
        event.target.closest("button, a, summary, input[type=checkbox], input[type=radio]")
      ) {
        return;
      }
      const key = modified ? `Ctrl+${event.shiftKey ? "Shift+" : ""}${event.key.toLowerCase()}` : event.key;
      const usual = modified ? key : usualKey(key, latest.current.own);
      const action = usual === null ? undefined : latest.current.bindings[usual];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
