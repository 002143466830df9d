"use client";

import { useCallback, useMemo, useState } from "react";
import type { LoadedSeries, Scene, ViewId } from "@/cornerstone";

export interface SpyglassState {
  /** How many other stacks can be seen through it from the active viewport; 0 where there is none to compare with. */
  count: number;
  /** Which of them is seen, from 0; null while it is away. */
  nth: number | null;
  /** The first, the next one, and away after the last. */
  next: () => void;
  /** The viewport that the pointer is over; null while it is over none. */
  pointed: ViewId | null;
  point: (viewId: ViewId | null) => void;
}

/** A glass at the pointer through which another viewport's image of the same place is seen. */
export function useSpyglass(scene: Scene | null, activeView: ViewId, shown: ReadonlyMap<ViewId, LoadedSeries>): SpyglassState {
  const [asked, setAsked] = useState<number | null>(null);
  const [pointed, setPointed] = useState<ViewId | null>(null);
  // `shown` is another one with every change of what is on the screen.
  const count = useMemo(() => (shown.size > 1 ? (scene?.spyglass.behind(activeView).length ?? 0) : 0), [scene, activeView, shown]);
  const nth = count === 0 || asked === null ? null : Math.min(asked, count - 1);
  const next = useCallback(() => setAsked(nth === null ? 0 : nth + 1 < count ? nth + 1 : null), [nth, count]);
  return { count, nth, next, pointed, point: setPointed };
}
