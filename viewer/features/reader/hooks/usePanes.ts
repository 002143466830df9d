"use client";

import { useCallback } from "react";
import { usePreferences } from "@/shared/hooks/usePreferences";
import type { Preferences } from "@/shared/api/types";

/** A panel beside the images, as its reader left it on any of the node's computers. */
export interface Pane {
  isOpen: boolean;
  widthPx: number;
  leastPx: number;
  mostPx: number;
  /** The nearest width that it may have. */
  fitting: (widthPx: number) => number;
  /** Null: back to the usual width. */
  resize: (widthPx: number | null) => void;
  toggle: () => void;
  open: () => void;
}

type Side = keyof Preferences["panels"];

/** Thumbnails need room for one, a table of findings for its columns, and images for themselves. */
const limits: Record<Side, { leastPx: number; mostPx: number; usualPx: number; largePx: number }> = {
  series: { leastPx: 120, mostPx: 480, usualPx: 160, largePx: 176 },
  results: { leastPx: 260, mostPx: 900, usualPx: 352, largePx: 432 },
};

/** From this width of the window on the usual panels are wider. */
const largeWindowPx = 1536;

function usualOf(side: Side): number {
  const { usualPx, largePx } = limits[side];
  return typeof window !== "undefined" && window.innerWidth >= largeWindowPx ? largePx : usualPx;
}

/** The two panels beside the images. */
export function usePanes(): Record<Side, Pane> {
  const { chosen, choose } = usePreferences();
  const { panels } = chosen;
  const change = useCallback(
    (side: Side, next: Partial<Preferences["panels"][Side]>) =>
      choose({ panels: { ...panels, [side]: { ...panels[side], ...next } } }),
    [choose, panels],
  );
  const paneOf = (side: Side): Pane => {
    const { leastPx, mostPx } = limits[side];
    const { width_px: widthPx, is_open: isOpen } = panels[side];
    const fitting = (wanted: number) => Math.round(Math.max(leastPx, Math.min(mostPx, wanted)));
    return {
      isOpen,
      widthPx: fitting(widthPx ?? usualOf(side)),
      leastPx,
      mostPx,
      fitting,
      resize: (wanted) => change(side, { width_px: wanted === null ? null : fitting(wanted) }),
      toggle: () => change(side, { is_open: !isOpen }),
      open: () => !isOpen && change(side, { is_open: true }),
    };
  };
  return { series: paneOf("series"), results: paneOf("results") };
}
