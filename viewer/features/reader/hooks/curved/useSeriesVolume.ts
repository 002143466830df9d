"use client";

import { useEffect, useState } from "react";
import type { LoadedSeries } from "@/cornerstone";
import type { ProjectedVolume } from "@/dicom/pet/projection";
import { readVolume } from "@/features/reader/lib/seriesVolume";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

export interface SeriesVolume {
  /** Null until it is read, and where a pixel has no single value. */
  volume: ProjectedVolume | null;
  isRead: boolean;
  problem: Problem | null;
}

const unread: SeriesVolume = { volume: null, isRead: false, problem: null };

/** The voxels of a series, once they are wanted. */
export function useSeriesVolume(series: LoadedSeries | null): SeriesVolume {
  const [found, setFound] = useState<{ series: LoadedSeries; state: SeriesVolume } | null>(null);
  useEffect(() => {
    if (!series) return;
    let gone = false;
    const set = (state: SeriesVolume) => !gone && setFound({ series, state });
    readVolume(series).then(
      (volume) => set({ volume, isRead: true, problem: null }),
      (error: unknown) => set({ volume: null, isRead: true, problem: asProblem(error) }),
    );
    return () => {
      gone = true;
      // As large as the images; the browser may want the room once it is closed.
      setFound(null);
    };
  }, [series]);
  return found && found.series === series ? found.state : unread;
}
