import { isPadding } from "@/dicom/measurements/pixelsWithin";
import type { WindowRange } from "@/dicom/windowing";

/** What of one segment was counted; `values` are those that are no padding. */
export interface SegmentSum {
  voxels: number;
  values: number;
  mean: number;
  /** Sum of the squared distances from the mean. */
  squares: number;
}

/** The voxels of each segment on one slice, with their values where these are known. */
export function sumsOnSlice(
  labels: ArrayLike<number>,
  values: ArrayLike<number> | null,
  paddings: readonly WindowRange[] = [],
): Map<number, SegmentSum> {
  const sums = new Map<number, SegmentSum>();
  // Neighbours mostly share their segment.
  let last = 0;
  let sum: SegmentSum | undefined;
  for (let at = 0; at < labels.length; at += 1) {
    const segment = labels[at];
    if (!segment) continue;
    if (segment !== last || !sum) {
      last = segment;
      sum = sums.get(segment) ?? { voxels: 0, values: 0, mean: 0, squares: 0 };
      sums.set(segment, sum);
    }
    sum.voxels += 1;
    const value = values?.[at];
    if (value === undefined || !Number.isFinite(value) || isPadding(value, paddings)) continue;
    sum.values += 1;
    const delta = value - sum.mean;
    sum.mean += delta / sum.values;
    sum.squares += delta * (value - sum.mean);
  }
  return sums;
}

/** Sums of several slices as one (Chan's method, which loses nothing to rounding where means are large). */
export function together(a: SegmentSum, b: SegmentSum): SegmentSum {
  const values = a.values + b.values;
  if (values === 0) return { voxels: a.voxels + b.voxels, values: 0, mean: 0, squares: 0 };
  const delta = b.mean - a.mean;
  return {
    voxels: a.voxels + b.voxels,
    values,
    mean: a.mean + (delta * b.values) / values,
    squares: a.squares + b.squares + (delta * delta * a.values * b.values) / values,
  };
}

export interface SegmentStatistics {
  voxels: number;
  volumeMl: number;
  /** Of the voxels that are no padding; null where there is none, or their values are not known. */
  mean: number | null;
  /** Of the voxels as the whole population, as of a region of interest. */
  stdDev: number | null;
}

export function statisticsOf({ voxels, values, mean, squares }: SegmentSum, voxelMm3: number): SegmentStatistics {
  const known = values > 0;
  return {
    voxels,
    volumeMl: (voxels * voxelMm3) / 1000,
    mean: known ? mean : null,
    stdDev: known ? Math.sqrt(squares / values) : null,
  };
}
