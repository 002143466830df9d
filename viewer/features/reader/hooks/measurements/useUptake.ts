"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import { sliceValues, type LoadedSeries } from "@/cornerstone";
import { suvCaveatsOf, type SuvCaveat } from "@/dicom/pet/suvCaveats";
import { suvFactorOf } from "@/dicom/pet/suv";
import { pixelSpacingOf } from "@/dicom/geometry";
import { numbersOf } from "@/dicom/dicomweb";
import type { Measurement } from "@/dicom/measurements/measurement";
import { leanFactorOf, type LeanGap } from "@/dicom/pet/leanBodyMass";
import { slicesNeeded, totalOf, uptakeIn, type Sphere, type SuvVolume, type Threshold, type TotalUptake, type Uptake } from "@/dicom/pet/uptake";
import type { DosePicture } from "@/features/reader/hooks/dose/useDose";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

/** What counts in each region: EANM's share of the maximum, or one of the usual SUVs. */
export const thresholds = {
  share41: { kind: "share", share: 0.41 },
  suv4: { kind: "suv", suv: 4 },
  suv25: { kind: "suv", suv: 2.5 },
} as const satisfies Record<string, Threshold>;

export type ThresholdName = keyof typeof thresholds;

/** By what an SUV is normalised: the body's weight, or its lean mass by a formula. */
export const normalisations = ["bw", "janmahasatian", "james"] as const;
export type Normalisation = (typeof normalisations)[number];

export interface RegionUptake {
  circle: Measurement;
  /** Null where the sphere holds no value. */
  uptake: Uptake | null;
}

export interface UptakeState {
  /** Whether the active series is a PET whose values have an SUV and whose slices make a volume. */
  isPossible: boolean;
  threshold: ThresholdName;
  setThreshold: (name: ThresholdName) => void;
  normalisation: Normalisation;
  setNormalisation: (by: Normalisation) => void;
  /** What SUVbw is multiplied by to be shown; or why there is no lean body mass. */
  factor: number | LeanGap;
  regions: readonly RegionUptake[];
  total: TotalUptake | null;
  /** What speaks against the SUV of the series, of whichever of its images. */
  caveats: readonly SuvCaveat[];
  problem: Problem | null;
  /** The voxels that count, over an image of the series. */
  on: (series: LoadedSeries, index: number) => DosePicture | null;
}

type Shape = Omit<SuvVolume, "slice">;

/** The grid of a PET series; null where it is none, or has no SUV, or makes no volume. */
function shapeOf(series: LoadedSeries | null): Shape | null {
  const [first, second] = series?.order.slices ?? [];
  if (!series || !first || series.modality !== "PT" || series.order.volumeRefusal !== "" || series.order.axis) return null;
  const spacing = pixelSpacingOf(first.dataset);
  const [rows, columns] = [numbersOf(first.dataset, "00280010")[0], numbersOf(first.dataset, "00280011")[0]];
  const gapMm = Math.abs((second?.positionMm ?? 0) - (first.positionMm ?? 0));
  if (!spacing || !rows || !columns || gapMm === 0) return null;
  if (series.order.slices.some(({ dataset }) => suvFactorOf(dataset) === null)) return null;
  return { columns, rows, rowSpacingMm: spacing[0], columnSpacingMm: spacing[1], gapMm, sliceCount: series.order.slices.length };
}

/** The sphere that a circle on one image of a series stands for; null where it is of another series. */
export function sphereOf({ kind, points, sopInstanceUid, frameNumber }: Measurement, series: LoadedSeries, shape: Shape): Sphere | null {
  if (kind !== "circle" || !series.indexOfSopInstanceUid.has(sopInstanceUid)) return null;
  const slice = series.order.slices.findIndex((one) => one.sopInstanceUid === sopInstanceUid && one.frameNumber === frameNumber);
  const [center, edge] = points;
  if (slice < 0 || !center || !edge) return null;
  const radiusMm = Math.hypot((edge[0] - center[0]) * shape.columnSpacingMm, (edge[1] - center[1]) * shape.rowSpacingMm);
  // 0.5 is the centre of the first pixel.
  return radiusMm > 0 ? { column: center[0] - 0.5, row: center[1] - 0.5, slice, radiusMm } : null;
}

const read = new WeakMap<LoadedSeries, Map<number, Float32Array>>();

/** The slices of a series in SUV, each loaded once. */
async function loadSlices(series: LoadedSeries, wanted: Iterable<number>): Promise<Map<number, Float32Array>> {
  const known = read.get(series) ?? new Map<number, Float32Array>();
  read.set(series, known);
  await Promise.all(
    [...new Set(wanted)].map(async (index) => {
      const dataset = series.order.slices[index]?.dataset;
      if (known.has(index) || !dataset) return;
      const factor = suvFactorOf(dataset);
      const values = await sliceValues(series, index);
      if (values && factor !== null) known.set(index, Float32Array.from(values, (value) => value * factor));
    }),
  );
  return known;
}

interface Found {
  series: LoadedSeries;
  volume: SuvVolume;
  regions: readonly RegionUptake[];
}

const noRegions: readonly RegionUptake[] = [];
const drawnColor = [255, 90, 90, 255] as const;

/** SUVmax, SUVpeak and the volume above a threshold of each circle on the active PET, and of all together. */
export function useUptake(series: LoadedSeries | null, measurements: readonly Measurement[]): UptakeState {
  const [threshold, setThreshold] = useState<ThresholdName>("share41");
  const [normalisation, setNormalisation] = useState<Normalisation>("bw");
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const shape = useMemo(() => shapeOf(series), [series]);
  const circles = useMemo(
    () =>
      series && shape
        ? measurements.flatMap((circle) => {
            const sphere = sphereOf(circle, series, shape);
            return sphere ? [{ circle, sphere }] : [];
          })
        : [],
    [series, shape, measurements],
  );

  useEffect(() => {
    if (!series || !shape || circles.length === 0) return;
    let gone = false;
    const wanted = circles.flatMap(({ sphere }) => {
      const [first, last] = slicesNeeded(shape, sphere);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
    loadSlices(series, wanted).then(
      (slices) => {
        if (gone) return;
        const volume: SuvVolume = { ...shape, slice: (index) => slices.get(index) ?? null };
        const regions = circles.map(({ circle, sphere }) => ({ circle, uptake: uptakeIn(volume, sphere, thresholds[threshold]) }));
        setFound({ series, volume, regions });
        setProblem(null);
      },
      (error: unknown) => !gone && setProblem(asProblem(error)),
    );
    return () => {
      gone = true;
    };
  }, [series, shape, circles, threshold]);

  const now = found && found.series === series && circles.length > 0 ? found : null;
  const total = useMemo(
    () => (now ? totalOf(now.volume, now.regions.flatMap(({ uptake }) => uptake ?? [])) : null),
    [now],
  );
  const bySlice = useMemo(() => {
    const places = new Map<number, number[]>();
    if (!now) return places;
    const perSlice = now.volume.columns * now.volume.rows;
    for (const { uptake } of now.regions) {
      for (const at of uptake?.voxels ?? []) {
        const slice = Math.floor(at / perSlice);
        const all = places.get(slice) ?? [];
        all.push(at % perSlice);
        places.set(slice, all);
      }
    }
    return places;
  }, [now]);
  const on = useCallback(
    (of: LoadedSeries, index: number): DosePicture | null => {
      const places = now?.series === of ? bySlice.get(index) : undefined;
      if (!now || !places) return null;
      const { columns, rows } = now.volume;
      const wash = new Uint8ClampedArray(columns * rows * 4);
      for (const at of places) wash.set(drawnColor, at * 4);
      return { columns, rows, stride: 1, wash, lines: [] };
    },
    [now, bySlice],
  );
  const caveats = useMemo(() => {
    const found = (shape ? (series?.order.slices ?? []) : []).flatMap(({ dataset }) => suvCaveatsOf(dataset));
    return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
  }, [series, shape]);
  const header = series?.order.slices[0]?.dataset ?? {};
  const factor = normalisation === "bw" ? 1 : leanFactorOf(header, normalisation);
  return { isPossible: shape !== null, threshold, setThreshold, normalisation, setNormalisation, factor, regions: now?.regions ?? noRegions, total, caveats, problem, on };
}
