"use client";

import { useEffect, useRef } from "react";
import type { LoadedMask, Scene, SegmentStyle } from "@/cornerstone";
import { segmentNamed } from "@/features/reader/lib/stage/hoveredSegment";

/** Filled at least so much while it is pointed at. */
const leastOpacity = 0.6;

/** Fills a segment while the pointer, or the focus, is on the row of a segment or of a finding that rests on it. */
export function useHoveredSegment(
  scene: Scene | null,
  masks: readonly LoadedMask[],
  styleOf: (mask: LoadedMask, segmentNumber: number) => SegmentStyle,
): void {
  const latest = useRef({ masks, styleOf });
  useEffect(() => {
    latest.current = { masks, styleOf };
  });
  useEffect(() => {
    if (!scene) return;
    let now = "";
    const draw = (name: string, isOn: boolean) => {
      const found = segmentNamed(name, latest.current.masks);
      if (!found) return;
      const usual = latest.current.styleOf(found.mask, found.segmentNumber);
      const style = isOn ? { fill: true, opacity: Math.max(leastOpacity, usual.opacity) } : usual;
      scene.masks.setSegmentStyle(found.mask, found.segmentNumber, style);
    };
    const onOver = ({ target }: Event) => {
      const row = target instanceof Element ? target.closest("[data-segment]") : null;
      const next = row instanceof HTMLElement ? (row.dataset.segment ?? "") : "";
      if (next === now) return;
      draw(now, false);
      now = next;
      draw(now, true);
    };
    document.addEventListener("pointerover", onOver);
    document.addEventListener("focusin", onOver);
    return () => {
      document.removeEventListener("pointerover", onOver);
      document.removeEventListener("focusin", onOver);
    };
  }, [scene]);
}
