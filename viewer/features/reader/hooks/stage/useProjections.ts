"use client";

import { useEffect, useMemo, useState } from "react";
import type { LoadedSeries } from "@/cornerstone";
import { projectionOf, type ProjectedVolume, type Projection } from "@/dicom/pet/projection";
import { readVolume } from "@/features/reader/lib/seriesVolume";
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
