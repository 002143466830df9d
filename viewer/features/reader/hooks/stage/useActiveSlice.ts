"use client";

import { useCallback, useSyncExternalStore } from "react";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { cells } from "@/cornerstone";
import type { Slice } from "@/dicom/geometry";

/** The slice that the active stack shows; null in planes, and before there is one. */
export function useActiveSlice({ views, arrangement, series, layout }: ReaderState): Slice | null {
  const viewId = cells[arrangement?.active ?? 0] ?? "cell-1";
  const sliceNumber = useSyncExternalStore(
    views.subscribe,
    useCallback(() => views.get(viewId).info?.sliceNumber ?? 0, [views, viewId]),
    () => 0,
  );
  if (layout !== "stack" || sliceNumber === 0) return null;
  return series?.order.slices[sliceNumber - 1] ?? null;
}
