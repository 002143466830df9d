"use client";

import { useCallback, useSyncExternalStore } from "react";
import { cells, type LoadedSeries } from "@/cornerstone";
import { frameLocations, type FrameLocation } from "@/dicom/localizer";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { cellCount } from "@/features/reader/lib/layout/layout";

export type LocalizersOn = (series: LoadedSeries, index: number) => readonly FrameLocation[];

const nothing: readonly FrameLocation[] = [];

/** Where the tomograms that are shown were taken, over the photographs that are shown beside them. */
export function useLocalizers({ arrangement, slotOf, views }: ReaderState): LocalizersOn {
  const count = arrangement ? cellCount(arrangement) : 0;
  const shown = useSyncExternalStore(
    views.subscribe,
    useCallback(() => cells.slice(0, count).map((viewId) => views.get(viewId).info?.sliceNumber ?? 0).join(" "), [views, count]),
    () => "",
  );
  return useCallback(
    (of, index) => {
      const photograph = of.order.slices[index];
      if (!photograph) return nothing;
      return shown.split(" ").flatMap((sliceNumber, cell) => {
        const { series } = slotOf(arrangement?.cells[cell] ?? null);
        const slice = series?.order.slices[Number(sliceNumber) - 1];
        const places = slice && series !== of ? frameLocations(slice.dataset) : nothing;
        return places.filter(
          ({ sopInstanceUid, frameNumber }) => sopInstanceUid === photograph.sopInstanceUid && frameNumber === photograph.frameNumber,
        );
      });
    },
    [arrangement, slotOf, shown],
  );
}
