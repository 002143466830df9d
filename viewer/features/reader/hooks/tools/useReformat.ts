"use client";

import { useEffect, useState } from "react";
import { openingSlab, projections, type Plane, type Scene, type Slab } from "@/cornerstone";

export const thinnestMm = 1;
export const thickestMm = 100;
export const turnDegrees = 5;

export interface Reformat {
  slab: Slab;
  setSlab: (slab: Slab) => void;
  nextProjection: () => void;
  /** Thicker or thinner by so many millimetres; nothing for slices. */
  thicken: (byMm: number) => void;
  /** Turns the planes other than this one, counterclockwise on it. */
  tilt: (degrees: number, about?: Plane) => void;
  straighten: () => void;
}

/** How a series is cut in three planes: how thick, and how they are turned. */
export function useReformat(scene: Scene | null, isOpen: boolean): Reformat {
  const [slab, setSlab] = useState<Slab>(openingSlab);
  useEffect(() => scene?.planes.setSlab(slab), [scene, slab]);
  return {
    slab,
    setSlab,
    nextProjection: () => {
      const next = projections[(projections.indexOf(slab.projection) + 1) % projections.length];
      if (isOpen && next) setSlab({ ...slab, projection: next });
    },
    thicken: (byMm) => {
      if (!isOpen || slab.projection === "slice") return;
      setSlab({ ...slab, thicknessMm: Math.min(thickestMm, Math.max(thinnestMm, slab.thicknessMm + byMm)) });
    },
    tilt: (degrees, about = "axial") => {
      if (isOpen) scene?.planes.tilt(about, degrees);
    },
    straighten: () => scene?.planes.straighten(),
  };
}
