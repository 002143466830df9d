"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { paddingsOf } from "@/dicom/display/padding";
import { statisticsOf, sumsOnSlice, together, type SegmentStatistics, type SegmentSum } from "@/dicom/drawing/statistics";
import type { OpenDrawing } from "./drawnSegments";

const restMs = 150;

/** The statistics of what is drawn, counted again shortly after each change; and how to ask for that. */
export function useDrawingStatistics(open: OpenDrawing | null): {
  statistics: ReadonlyMap<number, SegmentStatistics>;
  count: () => void;
} {
  const [counted, setCounted] = useState<{ of: OpenDrawing["drawing"] | null; statistics: ReadonlyMap<number, SegmentStatistics> }>({
    of: null,
    statistics: new Map(),
  });
  const latest = useRef(open);
  const round = useRef(0);
  useEffect(() => {
    latest.current = open;
  }, [open]);
  const count = useCallback(() => {
    const mine = (round.current += 1);
    setTimeout(() => {
      const wanted = latest.current;
      if (!wanted || mine !== round.current) return;
      void statisticsIn(wanted, () => mine === round.current).then((statistics) => {
        if (statistics && mine === round.current) setCounted({ of: wanted.drawing, statistics });
      });
    }, restMs);
  }, []);
  const drawing = open?.drawing;
  useEffect(count, [count, drawing]);
  return { statistics: counted.of === drawing ? counted.statistics : new Map(), count };
}

async function statisticsIn(
  { drawing, grid }: OpenDrawing,
  isWanted: () => boolean,
): Promise<Map<number, SegmentStatistics> | null> {
  const sums = new Map<number, SegmentSum>();
  for (let index = 0; index < grid.slices; index += 1) {
    const labels = drawing.labelsOf(index) as Uint8Array;
    if (!labels.some(Boolean)) continue;
    const dataset = drawing.series.order.slices[index]?.dataset;
    const values = await drawing.valuesOf(index).catch(() => null);
    if (!isWanted()) return null;
    for (const [segment, sum] of sumsOnSlice(labels, values, dataset ? paddingsOf(dataset) : [])) {
      const before = sums.get(segment);
      sums.set(segment, before ? together(before, sum) : sum);
    }
  }
  return new Map([...sums].map(([segment, sum]) => [segment, statisticsOf(sum, grid.voxelMm3)]));
}
