"use client";

import { useCallback, useEffect, useState } from "react";
import type { Scene } from "@/cornerstone";

export interface Linking {
  /** While true, each viewport is moved alone; afterwards they stay as far apart as they are then. */
  adjusting: boolean;
  /** How far linked viewports were moved against each other by hand. */
  offsetMm: number;
  adjust: (on: boolean) => void;
  resetOffset: () => void;
}

const none = { adjusting: false, offsetMm: 0 };

/** Viewports that are scrolled, zoomed, panned and windowed together. */
export function useLinking(scene: Scene | null, linked: boolean): Linking {
  const [state, setState] = useState(none);
  const [was, setWas] = useState(linked);
  if (was !== linked) {
    setWas(linked);
    setState(none);
  }
  useEffect(() => scene?.links.set(linked), [scene, linked]);
  const adjust = useCallback(
    (on: boolean) => {
      if (!scene || !linked) return;
      scene.links.adjust(on);
      setState({ adjusting: on, offsetMm: scene.links.adjustedMm });
    },
    [scene, linked],
  );
  const resetOffset = useCallback(() => {
    scene?.resetOffset();
    setState(none);
  }, [scene]);
  return { ...state, adjust, resetOffset };
}
