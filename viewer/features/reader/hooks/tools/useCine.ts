"use client";

import { useEffect, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { frameRateOf } from "@/dicom/display/cine";

export interface Cine {
  playing: boolean;
  /** Whether all stacks in sight play, not the active one alone. */
  all: boolean;
  framesPerSecond: number;
  setFramesPerSecond: (rate: number) => void;
  toggle: () => void;
  toggleAll: () => void;
  stop: () => void;
}

/** Plays the active stack or all of them, round and round, each as fast as its header says. */
export function useCine(
  scene: Scene | null,
  series: LoadedSeries | null,
  /** Changes with what is on the screen: all of it plays, what is opened later too. */
  shown: unknown,
): Cine {
  // Playing one belongs to a series: another one opens at rest.
  const [played, setPlayed] = useState<LoadedSeries | "all" | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const all = played === "all";
  const playing = all || (played !== null && played === series);
  const stated = series?.order.slices[0] ? frameRateOf(series.order.slices[0].dataset) : 10;

  useEffect(() => {
    if (!scene || !playing) return;
    scene.play(all ? "all" : "active", chosen);
    return () => scene.stopPlaying();
  }, [scene, playing, all, chosen, shown]);

  return {
    playing,
    all,
    framesPerSecond: chosen ?? stated,
    setFramesPerSecond: (rate) => setChosen(Math.max(1, Math.min(60, Math.round(rate) || 1))),
    toggle: () => setPlayed(playing ? null : series),
    toggleAll: () => setPlayed(all ? null : "all"),
    stop: () => setPlayed(null),
  };
}
