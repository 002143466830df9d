import type { LoadedSeries } from "@/cornerstone/series";

/** A frame that cannot be drawn, where the view would show it. */
export interface Undrawable {
  sopInstanceUid: string;
  /** Counts from 1. */
  frameNumber: number;
  /** Counts from 1. */
  sliceNumber: number;
  sliceCount: number;
  /** What this viewer found wrong with it; empty where only the decoder failed. */
  reason: string;
}

/** Null when the frame is none of the series. */
export function undrawable(series: LoadedSeries, imageId: string, reason: string): Undrawable | null {
  const index = series.imageIds.indexOf(imageId);
  const slice = series.order.slices[index];
  if (!slice) return null;
  const { sopInstanceUid, frameNumber } = slice;
  const sliceCount = series.imageIds.length;
  return { sopInstanceUid, frameNumber, sliceNumber: index + 1, sliceCount, reason };
}
