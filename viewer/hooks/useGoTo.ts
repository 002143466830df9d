"use client";

import { useCallback, useEffect, useRef } from "react";
import type { LoadedSeries, Scene } from "@/lib/cornerstone";

type GoTo = (sopInstanceUid: string, frameNumber: number) => void;

/** Goes to an image; one that is asked for while nothing is on the screen yet, as soon as something is. */
export function useGoTo(scene: Scene | null, shown: readonly LoadedSeries[]): GoTo {
  const wanted = useRef<Parameters<GoTo> | null>(null);
  const goTo = useCallback<GoTo>(
    (...image) => {
      if (scene && shown.length > 0) void scene.goTo(...image, null);
      else wanted.current = image;
    },
    [scene, shown],
  );
  useEffect(() => {
    if (!wanted.current || shown.length === 0) return;
    const image = wanted.current;
    wanted.current = null;
    goTo(...image);
  }, [goTo, shown]);
  return goTo;
}
