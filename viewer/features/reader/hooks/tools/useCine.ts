"use client";

import { useEffect, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { frameRateOf } from "@/dicom/display/cine";

export interface Cine {
  playing: boolean;
  framesPerSecond: number;
  setFramesPerSecond: (rate: number) => void;
  toggle: () => void;
  stop: () => void;
}

/** Plays the active stack, round and round, as fast as its header says. */
export function useCine(scene: Scene | null, series: LoadedSeries | null): Cine {
  // Playing belongs to a series: another one opens at rest.
  const [played, setPlayed] = useState<LoadedSeries | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const playing = played !== null && played === series;
  const stated = series?.order.slices[0] ? frameRateOf(series.order.slices[0].dataset) : 10;
  const framesPerSecond = chosen ?? stated;

  useEffect(() => {
    if (!scene || !playing) return;
    const timer = setInterval(() => scene.navigation.stepRound(), 1000 / framesPerSecond);
    return () => clearInterval(timer);
  }, [scene, playing, framesPerSecond]);

  return {
    playing,
    framesPerSecond,
    setFramesPerSecond: (rate) => setChosen(Math.max(1, Math.min(60, Math.round(rate) || 1))),
    toggle: () => setPlayed(playing ? null : series),
    stop: () => setPlayed(null),
  };
}
