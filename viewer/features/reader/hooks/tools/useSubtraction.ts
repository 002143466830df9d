"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { clipInstances } from "@/dicom/display/clip";
import { maskFramesOf, opensSubtracted, statedSubtractions, subtractionOfFrame, unshifted, type Subtraction } from "@/dicom/display/subtraction";
import { stringOf } from "@/dicom/dicomweb";
import type { Slice } from "@/dicom/geometry";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

export interface SubtractionState {
  /** Whether the active image is a frame of an angiography of which a mask can be subtracted. */
  isPossible: boolean;
  /** Whether the clip is drawn less its masks, as far as they go. */
  isOn: boolean;
  /** How the frame on the screen is drawn; null for as it is. */
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

const none: readonly Subtraction[] = [];

function isPossibleOf(series: LoadedSeries | null, slice: Slice | null): boolean {
  if (!series || !slice || !angiographic.has(series.modality)) return false;
  const isGrey = stringOf(slice.dataset, "00280004").startsWith("MONOCHROME");
  return isGrey && clipInstances(series.order.slices).includes(slice.sopInstanceUid);
}

/** Digital subtraction of the active clip: a mask frame and a shift, from the header or chosen here. */
export function useSubtraction(scene: Scene | null, series: LoadedSeries | null, slice: Slice | null): SubtractionState {
  const [drawn, setDrawn] = useState<ReadonlyMap<string, readonly Subtraction[]>>(new Map());
  const [problem, setProblem] = useState<Problem | null>(null);
  const isPossible = isPossibleOf(series, slice);
  const uid = slice?.sopInstanceUid ?? "";
  const all = (isPossible && drawn.get(uid)) || none;
  const how = slice ? subtractionOfFrame(all, slice.frameNumber) : null;
  const isStated = useMemo(() => slice !== null && statedSubtractions(slice.dataset).length > 0, [slice]);

  const set = useCallback(
    (changes: ReadonlyMap<string, readonly Subtraction[]>) => {
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
      const clips = clipInstances(slices).map((instance): [string, readonly Subtraction[]] => {
        const first = slices.find(({ sopInstanceUid }) => sopInstanceUid === instance);
        const stated = first ? statedSubtractions(first.dataset) : none;
        return [instance, !on ? none : stated.length > 0 ? stated : [firstFrame]];
      });
      set(new Map(clips));
    },
    [series, set],
  );

  // As the header wants it, once for each clip.
  const opens = isPossible && slice !== null && !drawn.has(uid) && opensSubtracted(slice.dataset);
  useEffect(() => {
    if (!opens) return;
    const timer = setTimeout(() => setAll(true), 0);
    return () => clearTimeout(timer);
  }, [opens, setAll]);

  const change = (next: Partial<Subtraction>) =>
    how && set(new Map([[uid, all.map((one) => (one === how ? { ...how, ...next } : one))]]));
  // A mask that the reader chooses is that of the whole clip.
  const setMask = (frameNumber: number) =>
    all.length > 0 && set(new Map([[uid, [{ ...unshifted, ...how, maskFrames: [frameNumber], backBy: 0, ranges: [] }]]]));
  return {
    isPossible,
    isOn: all.length > 0,
    how,
    isStated,
    toggle: () => setAll(all.length === 0),
    setMask,
    maskHere: () => slice && setMask(slice.frameNumber),
    shift: (right, down) => change({ right, down }),
    problem,
    of: useCallback(
      (one, index) => {
        const at = one.order.slices[index];
        const found = at && subtractionOfFrame(drawn.get(at.sopInstanceUid) ?? none, at.frameNumber);
        // The first frames of a mask that goes along have none before them.
        return found && maskFramesOf(found, at.frameNumber, Infinity).length > 0 ? found : null;
      },
      [drawn],
    ),
  };
}
