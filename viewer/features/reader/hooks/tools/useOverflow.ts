"use client";

import { useCallback, useLayoutEffect, useRef, useState } from "react";

/**
 * How many groups of a row must go into its menu so that it stays one row. `content` names what is in the row: with
 * another content, or another width, the row is measured again.
 */
export function useOverflow(most: number, content: string): { attach: (element: HTMLElement | null) => (() => void) | undefined; hidden: number } {
  const [hidden, setHidden] = useState(0);
  const [measured, setMeasured] = useState(content);
  const row = useRef<HTMLElement | null>(null);
  if (measured !== content) {
    setMeasured(content);
    setHidden(0);
  }
  // Measured by what was just laid out, before it is painted; it ends when all groups are in the menu.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    const element = row.current;
    if (element && element.scrollWidth > element.clientWidth && hidden < most) setHidden(hidden + 1);
  });
  const attach = useCallback((element: HTMLElement | null) => {
    row.current = element;
    if (!element) return undefined;
    let width = element.clientWidth;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      setHidden(0);
    });
    observer.observe(element);
    return () => {
      row.current = null;
      observer.disconnect();
    };
  }, []);
  return { attach, hidden };
}
