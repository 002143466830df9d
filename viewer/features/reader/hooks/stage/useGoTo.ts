"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { seriesOfInstance } from "@/features/reader/lib/api";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";

/** `seriesInstanceUid` where it is known: the node is not asked for it then. */
export type GoTo = (sopInstanceUid: string, frameNumber: number, seriesInstanceUid?: string) => void;

export interface GoingTo {
  goTo: GoTo;
  problem: Problem | null;
}

/**
 * Goes to an image of the study: at once where its series is on the screen, as soon as something is
 * while nothing is, and otherwise once its series, which is opened, is.
 */
export function useGoTo(
  scene: Scene | null,
  studyInstanceUid: string,
  openSeries: (ref: SeriesRef) => void,
  shown: readonly LoadedSeries[],
): GoingTo {
  const wanted = useRef<Parameters<GoTo> | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  const goOrOpen = useCallback(() => {
    const image = wanted.current;
    if (!scene || !image || shown.length === 0) return;
    const [sopInstanceUid, frameNumber, known] = image;
    if (shown.some((series) => series.indexOfSopInstanceUid.has(sopInstanceUid))) {
      wanted.current = null;
      void scene.navigation.goTo(sopInstanceUid, frameNumber, null);
      return;
    }
    void Promise.resolve(known ?? seriesOfInstance(studyInstanceUid, sopInstanceUid)).then(
      (seriesInstanceUid) => {
        // Something else may have been asked for meanwhile.
        if (seriesInstanceUid && wanted.current === image) openSeries({ studyInstanceUid, seriesInstanceUid });
      },
      (error: unknown) => setProblem(asProblem(error)),
    );
  }, [scene, shown, studyInstanceUid, openSeries]);

  useEffect(goOrOpen, [goOrOpen]);
  const goTo = useCallback<GoTo>(
    (...image) => {
      setProblem(null);
      wanted.current = image;
      goOrOpen();
    },
    [goOrOpen],
  );
  return { goTo, problem };
}
