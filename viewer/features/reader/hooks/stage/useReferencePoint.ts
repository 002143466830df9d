"use client";

import { useCallback, useState } from "react";
import type { LoadedSeries, Scene, ViewId, ViewInfo } from "@/cornerstone";
import type { Vector } from "@/dicom/geometry";
import { referenceOnImage, referenceOnPlane, referencePoint, type PlacedReference, type ReferencePoint } from "@/dicom/measurements/referencePoint";

export interface Reference {
  isSet: boolean;
  /** Marks a place of the patient that a view shows; the other views go there. */
  mark: (viewId: ViewId, series: LoadedSeries, lpsMm: Vector) => void;
  clear: () => void;
  /** Where a view shows it. */
  on: (series: LoadedSeries, info: ViewInfo) => PlacedReference | null;
}

/** One place of the patient, marked in every view that shares its frame of reference until it is taken away. */
export function useReferencePoint(scene: Scene | null): Reference {
  const [point, setPoint] = useState<ReferencePoint | null>(null);
  const mark = useCallback(
    (viewId: ViewId, series: LoadedSeries, lpsMm: Vector) => {
      const found = referencePoint(lpsMm, series.order.slices);
      setPoint(found);
      if (!found) return;
      if (scene?.planes.isOpen) {
        scene.planes.goToPoint(lpsMm);
        return;
      }
      scene?.cursor.show(viewId, lpsMm);
      scene?.cursor.hide();
    },
    [scene],
  );
  const on = useCallback(
    (series: LoadedSeries, { plane, sliceNumber, imageMatrix }: ViewInfo) => {
      const dataset = series.order.slices[plane ? 0 : sliceNumber - 1]?.dataset;
      if (!point || !dataset) return null;
      if (plane) return referenceOnPlane(point, plane.screen, dataset);
      return imageMatrix ? referenceOnImage(point, dataset) : null;
    },
    [point],
  );
  return { isSet: point !== null, mark, clear: useCallback(() => setPoint(null), []), on };
}
