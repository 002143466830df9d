"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { slabAt, slabPlaces, type SlabPlace, type StackSlab } from "@/dicom/display/stackSlab";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

export const stackProjections = ["slice", "mean", "max"] as const;
export type StackProjection = (typeof stackProjections)[number];

const fewest = 2;
const most = 40;
const opening = 10;

/** What of a slab is shown with a slice in its middle. */
export interface ShownSlab {
  place: SlabPlace;
  /** Null for slices as they are. */
  projection: StackSlab["projection"] | null;
  indexes: readonly number[];
  thicknessMm: number;
}

export interface StackSlabState {
  isPossible: boolean;
  projection: StackProjection;
  slices: number;
  setProjection: (projection: StackProjection) => void;
  /** By so many slices more. */
  thicken: (by: number) => void;
  next: () => void;
  /** Of a slice of a tomosynthesis; null of every other image. */
  on: (series: LoadedSeries, index: number) => ShownSlab | null;
  problem: Problem | null;
}

const known = new WeakMap<LoadedSeries, (SlabPlace | null)[]>();

function placesOf(series: LoadedSeries): (SlabPlace | null)[] {
  const places = known.get(series) ?? (series.modality === "MG" ? slabPlaces(series.order.slices) : []);
  known.set(series, places);
  return places;
}

/** How thick the slices of tomosyntheses are drawn; by the series, as long as the reader is open. */
export function useStackSlab(scene: Scene | null, series: LoadedSeries | null, layout: Layout): StackSlabState {
  const [slabs, setSlabs] = useState<ReadonlyMap<string, StackSlab>>(new Map());
  const [slices, setSlices] = useState(opening);
  const [problem, setProblem] = useState<Problem | null>(null);
  const uid = series?.seriesInstanceUid ?? "";
  const isPossible = useMemo(() => layout === "stack" && series !== null && placesOf(series).some(Boolean), [series, layout]);
  const slab = slabs.get(uid) ?? null;

  useEffect(() => {
    if (!scene || !series || !isPossible) return;
    scene.slabs.set(series, slab).then(
      () => setProblem(null),
      (error: unknown) => setProblem(asProblem(error)),
    );
  }, [scene, series, slab, isPossible]);

  const change = (projection: StackProjection, count: number) => {
    if (!isPossible) return;
    const next = new Map(slabs);
    if (projection === "slice") next.delete(uid);
    else next.set(uid, { projection, slices: count });
    setSlices(count);
    setSlabs(next);
  };
  const projection = slab?.projection ?? "slice";
  return {
    isPossible,
    projection,
    slices: slab?.slices ?? slices,
    setProjection: (wanted) => change(wanted, slab?.slices ?? slices),
    thicken: (by) => slab && change(projection, Math.min(most, Math.max(fewest, slab.slices + by))),
    next: () => change(stackProjections[(stackProjections.indexOf(projection) + 1) % stackProjections.length] ?? "slice", slices),
    on: useCallback(
      (one, index) => {
        const place = placesOf(one)[index];
        if (!place) return null;
        const drawn = slabs.get(one.seriesInstanceUid);
        return { place, projection: drawn?.projection ?? null, ...slabAt(place, drawn ?? { projection: "mean", slices: 1 }) };
      },
      [slabs],
    ),
    problem,
  };
}
