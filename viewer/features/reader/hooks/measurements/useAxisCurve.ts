"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { cells, pointClicks, sliceValues, type LoadedSeries, type ViewId } from "@/cornerstone";
import { curveOf, scaleOf } from "@/dicom/measurements/axisCurve";
import { numbersOf } from "@/dicom/dicomweb";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import type { Slice } from "@/dicom/geometry";
import type { CurvePoint } from "@/features/reader/lib/measurements/axisCurveTable";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";

/** More curves than these are hard to keep apart. */
export const mostCurves = 4;

export interface AxisCurveState {
  /** Whether the active series has several images of each place, and is shown as a stack. */
  isPossible: boolean;
  picking: boolean;
  setPicking: (on: boolean) => void;
  points: readonly CurvePoint[];
  busy: boolean;
  problem: Problem | null;
  /** The curve at the middle of the active viewport. */
  addInMiddle: () => void;
  clear: () => void;
  /** The points on an image of the series: column, row and number, the first pixel's corner at 0, 0. */
  on: (series: LoadedSeries, index: number) => readonly PlacedPoint[];
}

export interface PlacedPoint {
  number: number;
  column: number;
  row: number;
}

const nothing: readonly PlacedPoint[] = [];

async function readPoint(series: LoadedSeries, index: number, column: number, row: number): Promise<CurvePoint | null> {
  const { axis, slices } = series.order;
  if (!axis) return null;
  const place = Math.floor(index / axis.steps);
  const images = slices.slice(place * axis.steps, (place + 1) * axis.steps);
  const stored = await Promise.all(
    images.map(async ({ dataset }, step) => {
      const values = await sliceValues(series, place * axis.steps + step);
      const [columns = 0] = numbersOf(dataset, "00280011");
      return values?.[row * columns + column] ?? NaN;
    }),
  );
  const datasets = images.map(({ dataset }) => dataset);
  return {
    column,
    row,
    placeNumber: place + 1,
    scale: scaleOf(axis, place, datasets),
    curve: curveOf(datasets, stored),
    sopInstanceUids: images.map(({ sopInstanceUid }) => sopInstanceUid),
  };
}

/** Curves along the second axis of the active series, at the points that are clicked on. */
export function useAxisCurve({ scene, series, layout, arrangement }: ReaderState, slice: Slice | null): AxisCurveState {
  const isPossible = layout === "stack" && series !== null && series.order.axis !== null;
  const activeView = cells[arrangement?.active ?? 0] ?? "cell-1";
  const [picking, setPicking] = useState(false);
  const [found, setFound] = useState<{ series: LoadedSeries; points: readonly CurvePoint[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const activeIndex = slice && series ? series.order.slices.indexOf(slice) : -1;
  const latest = useRef({ series, activeView, activeIndex });
  useEffect(() => {
    latest.current = { series, activeView, activeIndex };
  }, [series, activeView, activeIndex]);

  const add = useCallback(
    (viewId: ViewId, point: [number, number], isMore: boolean) => {
      const { series: of, activeView: active, activeIndex: index } = latest.current;
      const at = viewId === active ? scene?.places.valueAt(viewId, point) : null;
      if (!of || index < 0 || !at) return;
      setBusy(true);
      setProblem(null);
      readPoint(of, index, at.column, at.row)
        .then(
          (read) => {
            if (!read || latest.current.series !== of) return;
            setFound((now) => {
              const before = isMore && now?.series === of ? now.points : [];
              return { series: of, points: [...before, read].slice(-mostCurves) };
            });
          },
          (error: unknown) => setProblem(asProblem(error)),
        )
        .finally(() => setBusy(false));
    },
    [scene],
  );

  const listens = picking && isPossible;
  useEffect(() => (listens ? pointClicks(add) : undefined), [listens, add]);

  const points = found && found.series === series && isPossible ? found.points : [];
  const on = useCallback(
    (of: LoadedSeries, index: number): readonly PlacedPoint[] => {
      const steps = of.order.axis?.steps;
      if (!steps || found?.series !== of) return nothing;
      const place = Math.floor(index / steps) + 1;
      return found.points.flatMap(({ column, row, placeNumber }, at) => (placeNumber === place ? [{ number: at + 1, column, row }] : []));
    },
    [found],
  );
  const addInMiddle = useCallback(() => {
    const element = scene?.activeView?.element;
    if (element) add(latest.current.activeView, [element.clientWidth / 2, element.clientHeight / 2], true);
  }, [scene, add]);
  const clear = useCallback(() => setFound(null), []);
  return { isPossible, picking: listens, setPicking, points, busy, problem, addInMiddle, clear, on };
}
