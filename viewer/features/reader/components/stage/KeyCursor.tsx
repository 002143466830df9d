"use client";

import { useCallback, useSyncExternalStore } from "react";
import { kindOfTool, type WorkingTool } from "@/features/reader/hooks/tools/useToolByKeys";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { matrixOf } from "@/features/reader/lib/stage/keyGround";
import { onScreen } from "@/features/reader/lib/stage/keySteps";
import { outlineOf, placesOf } from "@/dicom/measurements/placed";
import type { Scene } from "@/cornerstone";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";

const arms = "M-16 0h11M5 0h11M0 -16v11M0 5v11";

/** The tool that is worked with keys: its cursor, what is being drawn, and what the keys do now. */
export function KeyCursor({ scene, views, working }: { scene: Scene | null; views: ViewStore; working: WorkingTool }) {
  const { viewing: t } = useText();
  const { tool, viewId, ground, at, places, stretch } = working;
  const now = useCallback(() => views.get(viewId).info, [views, viewId]);
  const matrix = matrixOf(useSyncExternalStore(views.subscribe, now, now), ground);
  const kind = kindOfTool(tool);
  if (!at || !matrix || !kind) return <Note>{t.byKeys.picture[tool === "zoom" || tool === "pan" ? tool : "window"]}</Note>;
  const [x, y] = onScreen(at, matrix);
  const outline = outlineOf(kind, [...places, at], stretch).map((place) => onScreen(place, matrix).join(","));
  const count = placesOf(kind);
  const name = tool === "region" ? t.tools.region : t.kinds[kind];
  const value = scene?.places.valueAt(viewId, [x, y])?.text ?? "";
  return (
    <>
      <svg aria-hidden="true" data-testid="key-cursor" data-column={at[0]} data-row={at[1]} className="pointer-events-none absolute inset-0 size-full overflow-hidden">
        <g fill="none" strokeLinecap="round">
          <polyline points={outline.join(" ")} stroke="#000" strokeWidth={4} />
          <polyline points={outline.join(" ")} className="stroke-accent" strokeWidth={1.8} strokeDasharray="5 4" />
          {places.map((place) => {
            const [left, top] = onScreen(place, matrix);
            return <circle key={`${left} ${top}`} cx={left} cy={top} r={4} stroke="#000" className="fill-accent" />;
          })}
          <g transform={`translate(${x} ${y})`}>
            <path d={arms} stroke="#000" strokeWidth={4} />
            <path d={arms} className="stroke-accent" strokeWidth={1.8} />
          </g>
        </g>
      </svg>
      <Note>
        {count === null ? t.byKeys.freehand(name, places.length + 1) : t.byKeys.point(name, places.length + 1, count)}{" "}
        {value || `${fixed(at[0], 0)}, ${fixed(at[1], 0)}`}
      </Note>
    </>
  );
}

function Note({ children }: { children: React.ReactNode }) {
  return (
    <p
      role="status"
      data-testid="key-note"
      className="pointer-events-none absolute inset-x-0 bottom-20 mx-auto w-fit max-w-[90%] rounded-md border border-accent/50 bg-ground/90 px-3 py-1 text-xs text-ink"
    >
      {children}
    </p>
  );
}
