"use client";

import { useCallback, useSyncExternalStore } from "react";
import { ToolButton } from "@/features/reader/components/tools/ToolButton";
import { thickestMm, thinnestMm, turnDegrees, type Reformat } from "@/features/reader/hooks/tools/useReformat";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { useText } from "@/shared/hooks/useText";
import { planes, projections, type Projection } from "@/cornerstone";

/** A turn that is not seen: cameras round. */
const straightDegrees = 0.1;

/** How thick the planes are, and what is shown of what lies within. */
export function SlabControls({ reformat: { slab, setSlab } }: { reformat: Reformat }) {
  const { viewing: t } = useText();
  return (
    <div role="group" aria-label={t.slab} className="flex items-center gap-1.5">
      <select
        aria-label={t.projection}
        title={t.projectionHint}
        data-testid="projection"
        className="control w-28"
        value={slab.projection}
        onChange={(event) => {
          setSlab({ ...slab, projection: event.target.value as Projection });
          event.target.blur();
        }}
      >
        {projections.map((name) => (
          <option key={name} value={name}>
            {t.projections[name]}
          </option>
        ))}
      </select>
      {slab.projection !== "slice" && (
        <label className="flex items-center gap-1.5 text-xs whitespace-nowrap" title={t.thicknessHint}>
          <span className="sr-only">{t.thickness}</span>
          <input
            type="range"
            min={thinnestMm}
            max={thickestMm}
            value={slab.thicknessMm}
            data-testid="slab-thickness"
            className="w-20 accent-accent"
            onChange={(event) => setSlab({ ...slab, thicknessMm: Number(event.target.value) })}
          />
          {slab.thicknessMm} mm
        </label>
      )}
    </div>
  );
}

/** How the planes are turned, and back. */
export function TurnControls({ reformat, views, withName }: { reformat: Reformat; views: ViewStore; withName: boolean }) {
  const { viewing: t } = useText();
  const areTurned = useCallback(
    () => planes.some((plane) => (views.get(plane).info?.plane?.place.tiltDegrees ?? 0) > straightDegrees),
    [views],
  );
  const turned = useSyncExternalStore(views.subscribe, areTurned, areTurned);
  return (
    <div role="group" aria-label={t.turnPlanes} className={withName ? "grid gap-1" : "flex items-center gap-1"}>
      <ToolButton icon="turnLeft" name={t.turnPlanesLeft} hint={t.turnPlanesLeftHint} withName={withName} testId="turn-planes-left" onClick={() => reformat.tilt(turnDegrees)} />
      <ToolButton icon="turnRight" name={t.turnPlanesRight} hint={t.turnPlanesRightHint} withName={withName} testId="turn-planes-right" onClick={() => reformat.tilt(-turnDegrees)} />
      {/* Its place is kept, for the row is measured without it. */}
      <span className={turned ? "" : "invisible"}>
        <ToolButton icon="straighten" name={t.straighten} hint={t.straightenHint} withName={withName} testId="straighten" onClick={reformat.straighten} />
      </span>
    </div>
  );
}
