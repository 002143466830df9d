"use client";

import { useCallback, useRef, useSyncExternalStore, type PointerEvent } from "react";
import type { Plane, Scene } from "@/cornerstone";
import { stationAt } from "@/dicom/curves/path";
import { cross, dot, type Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";

/** What lies nearer to a plane than this is drawn as in it, mm. */
const nearMm = 2;
const mostStations = 240;

interface Seen {
  x: number;
  y: number;
  /** From the plane, along its normal, mm. */
  offMm: number;
}

function seenOn(screen: ImagePlane): (point: Vector) => Seen {
  const { origin, nextColumn, nextRow } = screen;
  const normal = cross(nextColumn, nextRow);
  const size = Math.hypot(...normal) || 1;
  return (point) => {
    const from: Vector = [point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]];
    return {
      x: dot(from, nextColumn) / dot(nextColumn, nextColumn) + 0.5,
      y: dot(from, nextRow) / dot(nextRow, nextRow) + 0.5,
      offMm: dot(from, normal) / size,
    };
  };
}

/** The curve on a plane: where it lies in it, and fainter where it lies before or behind; its points can be dragged. */
export function ViewCurve({ plane, scene, views, curved }: { plane: Plane; scene: Scene | null; views: ViewStore; curved: CurvedState }) {
  const shown = useCallback(() => views.get(plane).info?.plane?.screen ?? null, [views, plane]);
  const screen = useSyncExternalStore(views.subscribe, shown, shown);
  const dragged = useRef<{ index: number; begun: boolean } | null>(null);
  if (!screen) return null;
  const { points, curve, chosen, cursorMm } = curved;
  const on = seenOn(screen);
  const stations = curve?.path.stations ?? [];
  const every = Math.max(1, Math.ceil(stations.length / mostStations));
  const line = stations.filter((_, at) => at % every === 0 || at === stations.length - 1).map(({ point }) => on(point));
  const pathOf = (isDrawn: (one: Seen) => boolean) =>
    line.map((one, at) => `${at > 0 && isDrawn(one) && isDrawn(line[at - 1] ?? one) ? "L" : "M"}${one.x.toFixed(1)} ${one.y.toFixed(1)}`).join("");
  const station = curve && cursorMm !== null ? stationAt(curve.path, cursorMm) : null;
  const cursor = station ? on(station.point) : null;

  const onMove = ({ clientX: x, clientY: y }: PointerEvent) => {
    const drag = dragged.current;
    const from = drag ? points[drag.index] : undefined;
    const place = scene?.places.lpsAtWindow(plane, { x, y });
    if (!drag || !from || !place) return;
    const { nextColumn, nextRow } = screen;
    const normal = cross(nextColumn, nextRow);
    const size = Math.hypot(...normal) || 1;
    // It stays as far from the plane as it was.
    const off = on(from).offMm - on(place).offMm;
    curved.move(drag.index, place.map((mm, axis) => mm + (off * (normal[axis] ?? 0)) / size) as Vector, drag.begun);
    drag.begun = true;
  };
  return (
    <svg data-testid="plane-curve" className="pointer-events-none absolute inset-0 size-full overflow-hidden" aria-hidden="true">
      <path d={pathOf(() => true)} fill="none" className="stroke-accent" strokeWidth={1.5} opacity={0.35} />
      <path d={pathOf(({ offMm }) => Math.abs(offMm) <= nearMm)} fill="none" className="stroke-accent" strokeWidth={2} />
      {cursor && <circle data-testid="plane-curve-cursor" cx={cursor.x} cy={cursor.y} r={4} fill="none" stroke="#fff" strokeWidth={1.5} />}
      {points.map((point, index) => {
        const { x, y, offMm } = on(point);
        const isIn = Math.abs(offMm) <= nearMm;
        return (
          <g
            key={index}
            data-testid="plane-curve-point"
            data-x={x}
            data-y={y}
            data-off-mm={offMm}
            className="pointer-events-auto cursor-move"
            opacity={isIn ? 1 : 0.4}
            onPointerDown={(event) => {
              if (event.button !== 0) return;
              event.stopPropagation();
              event.currentTarget.setPointerCapture(event.pointerId);
              dragged.current = { index, begun: false };
              curved.choose(index);
            }}
            onPointerMove={onMove}
            onLostPointerCapture={() => {
              dragged.current = null;
            }}
          >
            <circle cx={x} cy={y} r={9} fill="transparent" />
            <circle cx={x} cy={y} r={5} className={index === chosen ? "fill-accent stroke-white" : "fill-black/60 stroke-accent"} strokeWidth={1.5} strokeDasharray={isIn ? undefined : "2 2"} />
            <text x={x + 8} y={y - 6} className="fill-white text-xs" stroke="#000" strokeWidth={2} style={{ paintOrder: "stroke" }}>
              {index + 1}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
