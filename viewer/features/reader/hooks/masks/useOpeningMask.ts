"use client";

import { useEffect, useRef } from "react";
import type { LoadedMask, LoadedSeries, Scene, ViewId } from "@/cornerstone";
import { openingIndex } from "@/dicom/linking";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";

/** The first mask of a series is seen at once, unless the reader has gone elsewhere meanwhile. */
export function useOpeningMask(
  scene: Scene | null,
  series: LoadedSeries | null,
  views: ViewStore,
  activeView: ViewId,
  masks: readonly LoadedMask[],
): void {
  const done = useRef(new WeakSet<LoadedSeries>());
  useEffect(() => {
    const opening = masks.find((mask) => mask.opening)?.opening;
    if (!scene || !series || !opening || done.current.has(series)) return;
    done.current.add(series);
    const opened = openingIndex(series.order.slices);
    const now = views.get(activeView).info;
    const slice = series.order.slices[opening.index];
    if (slice && (activeView === "axial" || now === null || now.sliceNumber - 1 === opened)) {
      scene.showing.lookAt(series, opening.index, opening.centerLpsMm);
      void scene.navigation.goTo(slice.sopInstanceUid, slice.frameNumber, opening.centerLpsMm);
    }
  }, [scene, series, masks, views, activeView]);
}
