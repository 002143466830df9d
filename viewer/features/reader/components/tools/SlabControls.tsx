"use client";

import { useState } from "react";
import { useText } from "@/shared/hooks/useText";
import { projections, type Projection, type Scene } from "@/cornerstone";

/** How thick the planes are, and what is shown of what lies within. */
export function SlabControls({ scene }: { scene: Scene }) {
  const { viewing: t } = useText();
  const [projection, setProjection] = useState<Projection>(scene.planes.slab.projection);
  const [thicknessMm, setThicknessMm] = useState(scene.planes.slab.thicknessMm);
  return (
    <div role="group" aria-label={t.slab} className="flex items-center gap-1.5">
      <select
        aria-label={t.projection}
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
            {t.projections[name]}
          </option>
        ))}
      </select>
      {projection !== "slice" && (
        <label className="flex items-center gap-1.5 text-xs">
          <span className="sr-only">{t.thickness}</span>
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
