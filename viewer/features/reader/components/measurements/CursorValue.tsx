"use client";

import { useEffect, useState } from "react";
import type { Scene, ValueAt, ViewId } from "@/cornerstone";

/** The value under the pointer, as the modality gave it: HU for CT, SUV too for PET. */
export function CursorValue({
  scene,
  viewId,
  element,
  more,
}: {
  scene: Scene | null;
  viewId: ViewId;
  element: HTMLElement | null;
  /** What else is known of the place: the dose there. */
  more?: (at: ValueAt) => string;
}) {
  const [at, setAt] = useState<ValueAt | null>(null);

  useEffect(() => {
    if (!scene || !element) return;
    let frame = 0;
    const onMove = (event: PointerEvent) => {
      cancelAnimationFrame(frame);
      const { left, top } = element.getBoundingClientRect();
      const point: [number, number] = [event.clientX - left, event.clientY - top];
      frame = requestAnimationFrame(() => setAt(scene.places.valueAt(viewId, point)));
    };
    const onLeave = () => {
      cancelAnimationFrame(frame);
      setAt(null);
    };
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerleave", onLeave);
    return () => {
      onLeave();
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerleave", onLeave);
    };
  }, [scene, viewId, element]);

  if (!at) return null;
  const extra = more?.(at) ?? "";
  return (
    <div
      aria-hidden="true"
      data-testid="cursor-value"
      data-column={at.column}
      data-row={at.row}
      data-lps={at.lpsMm?.join(" ")}
      data-value={at.values.join(" ")}
      className="text-xs"
    >
      {at.text}
      {extra && <span data-testid="cursor-dose">{` · ${extra}`}</span>}
    </div>
  );
}
