"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { clipInstances } from "@/dicom/display/clip";
import { opensSubtracted, statedSubtractions, unshifted, type Subtraction } from "@/dicom/display/subtraction";
import { stringOf } from "@/dicom/dicomweb";
import type { Slice } from "@/dicom/geometry";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

export interface SubtractionState {
  /** Whether the active image is a frame of an angiography of which a mask can be subtracted. */
  isPossible: boolean;
  /** Null where the images are drawn as they are. */
  how: Subtraction | null;
  /** Whether the header names the mask. */
  isStated: boolean;
  toggle: () => void;
  setMask: (frameNumber: number) => void;
  /** The frame on the screen becomes the mask. */
  maskHere: () => void;
  shift: (right: number, down: number) => void;
  problem: Problem | null;
  /** How an image of a series is drawn; null for as it is. */
  of: (series: LoadedSeries, index: number) => Subtraction | null;
}

const angiographic = new Set(["XA", "RF"]);

/** Without a mask in the header: before the contrast comes, there is none in the first frame. */
const firstFrame: Subtraction = { maskFrames: [1], backBy: 0, ...unshifted, ranges: [] };

function statedOf({ dataset }: Slice): Subtraction | null {
  return statedSubtractions(dataset)[0] ?? null;
}

function isPossibleOf(series: LoadedSeries | null, slice: Slice | null): boolean {
  if (!series || !slice || !angiographic.has(series.modality)) return false;
  const isGrey = stringOf(slice.dataset, "00280004").startsWith("MONOCHROME");
  return isGrey && clipInstances(series.order.slices).includes(slice.sopInstanceUid);
}

/** Digital subtraction of the active clip: a mask frame and a shift, from the header or chosen here. */
export function useSubtraction(scene: Scene | null, series: LoadedSeries | null, slice: Slice | null): SubtractionState {
  const [drawn, setDrawn] = useState<ReadonlyMap<string, Subtraction | null>>(new Map());
  const [problem, setProblem] = useState<Problem | null>(null);
  const isPossible = isPossibleOf(series, slice);
  const uid = slice?.sopInstanceUid ?? "";
  const how = (isPossible && drawn.get(uid)) || null;
  const stated = useMemo(() => (slice ? statedOf(slice) : null), [slice]);

  const set = useCallback(
    (changes: ReadonlyMap<string, Subtraction | null>) => {
      if (!scene || !series) return;
      setDrawn((now) => new Map([...now, ...changes]));
      Promise.all([...changes].map(([instance, next]) => scene.subtracting.set(series, instance, next))).then(
        () => {
          setProblem(null);
          scene.prefetch();
        },
        (error: unknown) => setProblem(asProblem(error)),
      );
    },
    [scene, series],
  );
  // All clips of a stack, since they share its window.
  const setAll = useCallback(
    (on: boolean) => {
      const { slices } = series?.order ?? { slices: [] };
      const clips = clipInstances(slices).map((instance): [string, Subtraction | null] => {
        const first = slices.find(({ sopInstanceUid }) => sopInstanceUid === instance);
        return [instance, on && first ? (statedOf(first) ?? firstFrame) : null];
      });
      set(new Map(clips));
    },
    [series, set],
  );

  // As the header wants it, once for each clip.
  const opens = isPossible && slice !== null && !drawn.has(uid) && opensSubtracted(slice.dataset);
  useEffect(() => {
    if (!opens || !stated) return;
    const timer = setTimeout(() => setAll(true), 0);
    return () => clearTimeout(timer);
  }, [opens, stated, setAll]);

  const change = (next: Partial<Subtraction>) => how && set(new Map([[uid, { ...how, ...next }]]));
  return {
    isPossible,
    how,
    isStated: stated !== null,
    toggle: () => setAll(how === null),
    setMask: (frameNumber) => change({ maskFrames: [frameNumber], backBy: 0, ranges: [] }),
    maskHere: () => slice && change({ maskFrames: [slice.frameNumber], backBy: 0, ranges: [] }),
    shift: (right, down) => change({ right, down }),
    problem,
    of: useCallback((one, index) => drawn.get(one.order.slices[index]?.sopInstanceUid ?? "") ?? null, [drawn]),
  };
}
