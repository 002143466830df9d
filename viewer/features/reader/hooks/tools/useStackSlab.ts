"use client";

import { useMemo, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { slabPlaces, type SlabPlace, type StackSlab } from "@/dicom/display/stackSlab";
import type { Slice } from "@/dicom/geometry";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

export const stackProjections = ["slice", "mean", "max"] as const;
export type StackProjection = (typeof stackProjections)[number];

const fewest = 2;
const most = 40;
const opening = 10;

export interface StackSlabState {
  isPossible: boolean;
  projection: StackProjection;
  slices: number;
  setProjection: (projection: StackProjection) => void;
  /** By so many slices more. */
  thicken: (by: number) => void;
  next: () => void;
  problem: Problem | null;
}

const known = new WeakMap<LoadedSeries, (SlabPlace | null)[]>();

/** Of the slices of tomosyntheses; null of every other image. */
export function slabPlacesOf(series: LoadedSeries): readonly (SlabPlace | null)[] {
  const places = known.get(series) ?? (series.modality === "MG" ? slabPlaces(series.order.slices) : []);
  known.set(series, places);
  return places;
}

/** How thick the slices of tomosyntheses are drawn: by image, as long as the reader is open. */
export function useStackSlab(scene: Scene | null, series: LoadedSeries | null, slice: Slice | null, layout: Layout): StackSlabState {
  const [slabs, setSlabs] = useState<ReadonlyMap<string, StackSlab>>(new Map());
  const [latest, setLatest] = useState(opening);
  const [problem, setProblem] = useState<Problem | null>(null);
  const places = useMemo(() => (series && layout === "stack" ? slabPlacesOf(series) : []), [series, layout]);
  // Beside the slices of a tomosynthesis a series may have other images.
  const isPossible = slice !== null && Boolean(places[series?.order.slices.indexOf(slice) ?? -1]);
  const slab = slabs.get(slice?.sopInstanceUid ?? "") ?? null;
  const slices = slab?.slices ?? latest;

  const change = (projection: StackProjection, count: number) => {
    if (!scene || !series || !isPossible) return;
    const wanted = projection === "slice" ? null : { projection, slices: count };
    const next = new Map(slabs);
    for (const [index, { sopInstanceUid }] of series.order.slices.entries()) {
      if (!places[index]) continue;
      if (wanted) next.set(sopInstanceUid, wanted);
      else next.delete(sopInstanceUid);
    }
    setLatest(count);
    setSlabs(next);
    scene.slabs.set(series, wanted).then(
      () => setProblem(null),
      (error: unknown) => setProblem(asProblem(error)),
    );
  };
  const projection = slab?.projection ?? "slice";
  return {
    isPossible,
    projection,
    slices,
    setProjection: (wanted) => change(wanted, slices),
    thicken: (by) => slab && change(projection, Math.min(most, Math.max(fewest, slices + by))),
    next: () => change(stackProjections[(stackProjections.indexOf(projection) + 1) % stackProjections.length] ?? "slice", slices),
    problem,
  };
}
