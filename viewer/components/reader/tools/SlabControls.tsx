"use client";

import { useState } from "react";
import { projections, type Projection, type Scene } from "@/lib/cornerstone";

const labels: Record<Projection, string> = {
  slice: "Slices",
  max: "Maximum (MIP)",
  min: "Minimum",
  mean: "Mean",
};

/** How thick the planes are, and what is shown of what lies within. */
export function SlabControls({ scene }: { scene: Scene }) {
  const [projection, setProjection] = useState<Projection>(scene.planes.slab.projection);
  const [thicknessMm, setThicknessMm] = useState(scene.planes.slab.thicknessMm);
  return (
    <div role="group" aria-label="Slab" className="flex items-center gap-1.5">
      <select
        aria-label="Projection"
        data-testid="projection"
        className="control"
        value={projection}
        onChange={(event) => {
          const next = event.target.value as Projection;
          setProjection(next);
          scene.planes.setSlab({ projection: next, thicknessMm });
          event.target.blur();
        }}
      >
        {projections.map((name) => (
          <option key={name} value={name}>
            {labels[name]}
          </option>
        ))}
      </select>
      {projection !== "slice" && (
        <label className="flex items-center gap-1.5 text-xs">
          <span className="sr-only">Thickness in millimetres</span>
          <input
            type="range"
            min={1}
            max={100}
            value={thicknessMm}
            data-testid="slab-thickness"
            className="w-24 accent-accent"
            onChange={(event) => {
              const next = Number(event.target.value);
              setThicknessMm(next);
              scene.planes.setSlab({ projection, thicknessMm: next });
            }}
          />
          {thicknessMm} mm
        </label>
      )}
    </div>
  );
}
