"use client";

import { useEffect } from "react";

/** What on the page is not saved. */
const unsaved = new Set<symbol>();

/** The browser asks before the page is left, while something on it is not saved. */
export function usePageLeave(isUnsaved: boolean): void {
  useEffect(() => {
    if (!isUnsaved) return;
    const one = Symbol();
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    unsaved.add(one);
    window.addEventListener("beforeunload", ask);
    return () => {
      unsaved.delete(one);
      window.removeEventListener("beforeunload", ask);
    };
  }, [isUnsaved]);
}

/** Asks before another page of the viewer takes the place of this one, of which the browser knows nothing. */
export function mayLeave(question: string): boolean {
  return unsaved.size === 0 || window.confirm(question);
}
