"use client";

import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useOwnKeys } from "@/features/reader/hooks/tools/useOwnKeys";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { shownMmPerPixel } from "@/features/reader/lib/measurements/scale";
import { cells, type ViewId } from "@/cornerstone";
import { isTrueSize } from "@/dicom/calibration/trueSize";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { currentMmPerPixel, followScreen } from "@/shared/lib/screenPitch";

/** mm of a CSS pixel of the screen; null while nobody measured it. */
export function useScreenMmPerPixel(): number | null {
  return useSyncExternalStore(followScreen, currentMmPerPixel, () => null);
}

export interface TrueSizeState {
  /** Whether what the active viewport shows is as large on the screen as in the patient. */
  isOn: boolean;
  /** Whether the image of the active viewport says how large it is. */
  isPossible: boolean;
  toggle: () => void;
  /** The screen is being measured. */
  measuring: boolean;
  measure: () => void;
  /** With the screen measured, or not. */
  endMeasuring: () => void;
}

/** Images as large as the patient, on a screen of which a person measured the pixels. */
export function useTrueSize({ scene, views, series, layout, arrangement }: ReaderState): TrueSizeState {
  const screenMm = useScreenMmPerPixel();
  const [measuring, setMeasuring] = useState(false);
  /** Asked for, until images fit their viewports again. */
  const [wanted, setWanted] = useState(false);
  const viewId: ViewId = layout === "planes" ? "axial" : (cells[arrangement?.active ?? 0] ?? "cell-1");
  const state = useSyncExternalStore(
    views.subscribe,
    useCallback(() => {
      const { info } = views.get(viewId);
      const mm = info ? shownMmPerPixel(info, series) : null;
      if (mm === null || layout === "volume") return "impossible";
      return screenMm !== null && isTrueSize(mm, screenMm) ? "on" : "off";
    }, [views, viewId, series, layout, screenMm]),
    () => "impossible",
  );
  useEffect(() => {
    scene?.trueSize.set(wanted ? screenMm : null);
  }, [scene, wanted, screenMm]);
  const toggle = () => {
    if (state === "impossible") return;
    if (screenMm === null) setMeasuring(true);
    else if (wanted && state === "off") scene?.trueSize.set(screenMm);
    else setWanted(!wanted);
  };
  useHotkeys({ Z: toggle }, useOwnKeys());
  return {
    isOn: state === "on",
    isPossible: state !== "impossible",
    toggle,
    measuring,
    measure: () => setMeasuring(true),
    endMeasuring: () => {
      setMeasuring(false);
      if (currentMmPerPixel() !== null) setWanted(true);
    },
  };
}
