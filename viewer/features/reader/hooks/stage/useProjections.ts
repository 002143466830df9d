"use client";

import { useEffect, useMemo, useState } from "react";
import { sliceValues, type LoadedSeries } from "@/cornerstone";
import { lpsOfPixel, type Vector } from "@/dicom/geometry";
import { numbersOf } from "@/dicom/dicomweb";
import { projectionOf, type ProjectedVolume, type Projection } from "@/dicom/pet/projection";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

/** Between two pictures, degrees. */
export const turnStep = 10;

export interface Projections {
  volume: ProjectedVolume | null;
  problem: Problem | null;
  /** The projection from an angle, worked out once; null until the volume is read. */
  at: (degrees: number) => Projection | null;
}

const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

/** The volume of a series, its slices as they lie in the cache; null where one has no single value at a pixel. */
async function readVolume(series: LoadedSeries): Promise<ProjectedVolume | null> {
  const headers = series.order.slices.map(({ dataset }) => dataset);
  const [first] = headers;
  const last = headers.at(-1);
  const corner = first && lpsOfPixel(first, 0, 0);
  const [right, below] = first ? [lpsOfPixel(first, 1, 0), lpsOfPixel(first, 0, 1)] : [];
  const end = last && lpsOfPixel(last, 0, 0);
  const [rows, columns] = first ? [numbersOf(first, "00280010")[0], numbersOf(first, "00280011")[0]] : [];
  if (!corner || !right || !below || !end || !rows || !columns || headers.length < 2) return null;
  const read = await Promise.all(headers.map((_, index) => sliceValues(series, index)));
  const slices = read.filter((slice): slice is ArrayLike<number> => slice !== null && slice.length >= rows * columns);
  if (slices.length < headers.length) return null;
  const whole = minus(end, corner);
  return {
    columns,
    rows,
    slices,
    origin: corner,
    nextColumn: minus(right, corner),
    nextRow: minus(below, corner),
    nextSlice: whole.map((part) => part / (headers.length - 1)) as Vector,
  };
}

/** Projections of a series from all around. */
export function useProjections(series: LoadedSeries): Projections {
  const [read, setRead] = useState<{ series: LoadedSeries; volume: ProjectedVolume | null } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    let gone = false;
    readVolume(series).then(
      (volume) => !gone && setRead({ series, volume }),
      (error: unknown) => !gone && setProblem(asProblem(error)),
    );
    return () => {
      gone = true;
    };
  }, [series]);
  const volume = read?.series === series ? read.volume : null;
  return useMemo(() => {
    const known = new Map<number, Projection>();
    const at = (degrees: number) => {
      if (!volume) return null;
      const found = known.get(degrees) ?? projectionOf(volume, degrees);
      known.set(degrees, found);
      return found;
    };
    return { volume, problem, at };
  }, [volume, problem]);
}
