"use client";

import { useCallback } from "react";
import type { Presentations } from "@/features/reader/hooks/stage/usePresentations";
import type { GoingTo } from "@/features/reader/hooks/stage/useGoTo";
import type { LoadedMask, LoadedSeries, Scene } from "@/cornerstone";
import type { Finding } from "@/shared/api/types";

/** Content Label of the states that draw the boxes of a model. */
const BOXES = { byAi: "AI_BOXES", others: "BOXES" };

export interface ShowFinding {
  showSegment: (sopInstanceUid: string, segmentNumber: number) => void;
  /** Goes to the image of a finding, and draws the box that it is about. */
  showImageOf: (finding: Finding) => void;
}

/** From a finding to where it is seen: the middle of its segment, or its image and box. */
export function useShowFinding(
  scene: Scene | null,
  series: LoadedSeries | null,
  masks: readonly LoadedMask[],
  { states, chosenFor, toggle }: Presentations,
  { goTo }: GoingTo,
): ShowFinding {
  const showSegment = useCallback(
    (sopInstanceUid: string, segmentNumber: number) => {
      const mask = masks.find((one) => one.sopInstanceUid === sopInstanceUid);
      const segment = mask?.segments.find((one) => one.segmentNumber === segmentNumber);
      const slice = segment?.extent ? series?.order.slices[segment.extent.middlePlane] : undefined;
      if (slice) {
        void scene?.navigation.goTo(slice.sopInstanceUid, slice.frameNumber, segment?.centerLpsMm ?? null);
      }
    },
    [masks, scene, series],
  );
  const showImageOf = useCallback(
    ({ image, confidence, source_series_instance_uid: seriesInstanceUid }: Finding) => {
      if (!image) return;
      // What measures without AI says of no box how sure it is.
      const boxes = confidence === null ? BOXES.others : BOXES.byAi;
      const draws = states.find(
        ({ label, images }) => label === boxes && images.get(seriesInstanceUid)?.has(image.sop_instance_uid),
      );
      if (draws && image.points.length > 0 && chosenFor(seriesInstanceUid) !== draws) toggle(draws);
      goTo(image.sop_instance_uid, image.frame_number ?? 1, seriesInstanceUid);
    },
    [states, chosenFor, toggle, goTo],
  );
  return { showSegment, showImageOf };
}
