"use client";

import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { pointClicks, planes, type LoadedSeries, type Scene, type ToolName } from "@/cornerstone";
import { layOf, type Lay } from "@/dicom/curves/lay";
import { pathThrough, stationAt, type CurvePath } from "@/dicom/curves/path";
import type { CurvedSlab } from "@/dicom/curves/reformat";
import { distance } from "@/dicom/curves/spline";
import { voxelIndexOf } from "@/dicom/curves/sampling";
import type { Vector } from "@/dicom/geometry";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { changed, noCurve, placeForPoint, redone, undone, type CurveSteps } from "@/features/reader/lib/curved/curveSteps";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import { useSeriesVolume, type SeriesVolume } from "./useSeriesVolume";

/** Tools that leave a click to who places points: they do something when the button is dragged alone. */
const clickFree: ReadonlySet<ToolName> = new Set(["window", "pan", "zoom", "scroll"]);

/** As near to a curve as this a click means the curve, CSS pixels. */
const onCurvePx = 8;
/** A picture has no more samples either way. */
const mostSamples = 768;

/** A curve on the screen. */
export interface DrawnCurve {
  lay: Lay;
  path: CurvePath;
  /** Between two samples across, mm. */
  pixelMm: number;
}

/** A curve of a reader's through a volume, and how it is shown straightened. */
export interface CurvedState {
  /** The series is shown in three planes. */
  isPossible: boolean;
  isOpen: boolean;
  /** It is open, or opens with the planes. */
  isWanted: boolean;
  toggle: () => void;
  /** Esc: a click places no points any more, then the picture is closed; the points stay. */
  leave: () => void;
  placing: boolean;
  /** Undo, redo and Del are of the curve: no tool is chosen that draws. */
  isEdited: boolean;
  setPlacing: (on: boolean) => void;
  points: readonly Vector[];
  chosen: number | null;
  choose: (index: number | null) => void;
  /** `goesOn` while it is dragged. */
  move: (index: number, point: Vector, goesOn: boolean) => void;
  remove: (index: number) => void;
  clear: () => void;
  /** Where the planes cross: a new point, or the chosen one. */
  addHere: () => void;
  moveHere: (index: number) => void;
  undo: () => void;
  redo: () => void;
  loaded: SeriesVolume;
  curve: DrawnCurve | null;
  /** Along the curve; null before it has two points. */
  cursorMm: number | null;
  /** Moves the cursor, and the planes with it. */
  goTo: (alongMm: number) => void;
  /** From where lengths are shown; null for the start of the curve. */
  markMm: number | null;
  setMark: (alongMm: number | null) => void;
  degrees: number;
  turn: (degrees: number) => void;
  widthMm: number;
  setWidthMm: (mm: number) => void;
  slab: CurvedSlab;
  setSlab: (slab: CurvedSlab) => void;
}

/** The curve through points, as finely as the volume or the screen has room for. */
function drawnCurve({ volume }: SeriesVolume, points: readonly Vector[], widthMm: number): DrawnCurve | null {
  if (!volume || points.length < 2) return null;
  const lay = layOf(points);
  const straightMm = points.reduce((sum, point, at) => sum + (at === 0 ? 0 : distance(point, points[at - 1] ?? point)), 0);
  const pixelMm = Math.max(voxelIndexOf(volume).finestMm, straightMm / mostSamples, widthMm / mostSamples);
  const path = pathThrough(lay.points, pixelMm, lay.towards);
  return path && { lay, path, pixelMm };
}

/** Where along a curve a point lies that is so near to it; null for one that does not. */
function onCurve({ stations }: CurvePath, point: Vector, nearMm: number): number | null {
  const nearest = stations.reduce<{ alongMm: number; mm: number }>((best, station) => {
    const mm = distance(station.point, point);
    return mm < best.mm ? { alongMm: station.alongMm, mm } : best;
  }, { alongMm: 0, mm: Infinity });
  return nearest.mm <= nearMm ? nearest.alongMm : null;
}

export function useCurved(
  { scene, series, layout, views }: { scene: Scene | null; series: LoadedSeries | null; layout: Layout; views: ViewStore },
  tool: ToolName,
): CurvedState {
  const uid = series?.seriesInstanceUid ?? "";
  const isPossible = layout === "planes" && series !== null && series.order.slices.length > 1;
  const [wanted, setWanted] = useState(false);
  const [placing, setPlacing] = useState(true);
  const [all, setAll] = useState<ReadonlyMap<string, CurveSteps>>(new Map());
  const [chosen, choose] = useState<number | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [mark, setMark] = useState<{ of: readonly Vector[]; alongMm: number } | null>(null);
  const [degrees, setDegrees] = useState(0);
  const [widthMm, setWidthMm] = useState(60);
  const [slab, setSlab] = useState<CurvedSlab>({ projection: "slice", thicknessMm: 5 });
  const isOpen = wanted && isPossible;
  const loaded = useSeriesVolume(isOpen ? series : null);
  const { points } = all.get(uid) ?? noCurve;
  const shown = useDeferredValue(points);
  const curve = useMemo(() => drawnCurve(loaded, shown, widthMm), [loaded, shown, widthMm]);

  const change = useCallback(
    (how: (steps: CurveSteps) => CurveSteps) => setAll((now) => new Map(now).set(uid, how(now.get(uid) ?? noCurve))),
    [uid],
  );
  const latest = useRef({ curve, points });
  useEffect(() => {
    latest.current = { curve, points };
  }, [curve, points]);

  const add = useCallback(
    (point: Vector, nearMm: number) => {
      const { curve: drawn, points: before } = latest.current;
      const along = drawn ? onCurve(drawn.path, point, nearMm) : null;
      const isBackwards = drawn !== null && drawn.lay.points[0] !== before[0];
      const at = drawn && drawn.path.pointsMm.length === before.length ? placeForPoint(drawn.path.pointsMm, isBackwards, along) : before.length;
      change((steps) => changed(steps, [...steps.points.slice(0, at), point, ...steps.points.slice(at)]));
      choose(at);
    },
    [change],
  );

  const listens = isOpen && placing && clickFree.has(tool);
  useEffect(() => {
    if (!listens || !scene) return;
    return pointClicks((viewId, at) => {
      if (!planes.some((plane) => plane === viewId)) return;
      const point = scene.places.lpsAt(viewId, at);
      if (point) add(point, onCurvePx * (views.get(viewId).info?.mmPerPixel ?? 0));
    });
  }, [listens, scene, views, add]);

  const cursorMm = curve ? Math.min(curve.path.lengthMm, Math.max(0, cursor ?? curve.path.lengthMm / 2)) : null;
  return {
    isPossible,
    isOpen,
    isWanted: wanted,
    toggle: () => {
      setWanted(!wanted);
      setPlacing(true);
    },
    leave: () => (listens ? setPlacing(false) : setWanted(false)),
    placing: listens,
    isEdited: isOpen && clickFree.has(tool),
    setPlacing,
    points,
    chosen: chosen !== null && chosen < points.length ? chosen : null,
    choose,
    move: (index, point, goesOn) => change((steps) => changed(steps, steps.points.map((one, at) => (at === index ? point : one)), goesOn)),
    remove: (index) => {
      change((steps) => changed(steps, steps.points.filter((_, at) => at !== index)));
      choose(null);
    },
    clear: () => change((steps) => changed(steps, [])),
    addHere: () => {
      const point = scene?.planes.point;
      if (point) add(point, 0);
    },
    moveHere: (index) => {
      const point = scene?.planes.point;
      if (point) change((steps) => changed(steps, steps.points.map((one, at) => (at === index ? point : one))));
    },
    undo: () => change(undone),
    redo: () => change(redone),
    loaded,
    curve,
    cursorMm,
    goTo: (alongMm) => {
      if (!curve) return;
      setCursor(Math.min(curve.path.lengthMm, Math.max(0, alongMm)));
      const station = stationAt(curve.path, alongMm);
      if (station) scene?.planes.goToPoint(station.point);
    },
    // On another curve it would be another place.
    markMm: mark && mark.of === points ? mark.alongMm : null,
    setMark: (alongMm) => setMark(alongMm === null ? null : { of: points, alongMm }),
    degrees,
    turn: (to) => setDegrees(((Math.round(to) % 360) + 360) % 360),
    widthMm,
    setWidthMm,
    slab,
    setSlab,
  };
}

