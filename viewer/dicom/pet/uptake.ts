/** Uptake in PET: SUVpeak, and volumes of what lies above a threshold in regions that a person marked. */

/** Slices of one series that make a regular volume, in SUV. */
export interface SuvVolume {
  columns: number;
  rows: number;
  columnSpacingMm: number;
  rowSpacingMm: number;
  /** Between neighbouring slices. */
  gapMm: number;
  sliceCount: number;
  /** The SUV of a slice, row by row; null for one that was not loaded. */
  slice: (index: number) => ArrayLike<number> | null;
}

/** A sphere in it: pixel centres and slices at whole numbers. */
export interface Sphere {
  column: number;
  row: number;
  slice: number;
  radiusMm: number;
}

/** What counts: a share of the region's SUVmax (EANM: 41 %), or an SUV. */
export type Threshold = { kind: "share"; share: number } | { kind: "suv"; suv: number };

export interface Uptake {
  max: number;
  /** Highest mean of a sphere of 1 ml about a voxel that counts; null where no such sphere lies within the volume. */
  peak: number | null;
  mean: number;
  volumeMl: number;
  /** Mean times volume: total lesion glycolysis, ml. */
  tlg: number;
  /** Of the voxels that count: slice × rows × columns + row × columns + column. */
  voxels: number[];
}

/** Radius of 1 ml: 6.2 mm. */
export const peakRadiusMm = Math.cbrt(1000 / ((4 / 3) * Math.PI));

const parts = 7;

interface Kernel {
  /** Offsets and the share of the sphere that lies in each voxel. */
  weights: [column: number, row: number, slice: number, weight: number][];
  reach: [number, number, number];
}

/** How much of a sphere of 1 ml about the middle of a voxel lies in each of those around it; all together 1. */
export function peakKernel({ columnSpacingMm, rowSpacingMm, gapMm }: Pick<SuvVolume, "columnSpacingMm" | "rowSpacingMm" | "gapMm">): Kernel {
  const spacing = [columnSpacingMm, rowSpacingMm, gapMm] as const;
  const reach = spacing.map((mm) => Math.ceil(peakRadiusMm / mm + 0.5)) as Kernel["reach"];
  const weights: Kernel["weights"] = [];
  let total = 0;
  for (let k = -reach[2]; k <= reach[2]; k += 1) {
    for (let j = -reach[1]; j <= reach[1]; j += 1) {
      for (let i = -reach[0]; i <= reach[0]; i += 1) {
        const inside = partsWithin(i, j, k, spacing);
        if (inside === 0) continue;
        weights.push([i, j, k, inside]);
        total += inside;
      }
    }
  }
  return { weights: weights.map(([i, j, k, inside]) => [i, j, k, inside / total]), reach };
}

function partsWithin(i: number, j: number, k: number, [dx, dy, dz]: readonly [number, number, number]): number {
  let inside = 0;
  const at = (index: number, part: number, mm: number) => (index + (part + 0.5) / parts - 0.5) * mm;
  for (let c = 0; c < parts; c += 1) {
    for (let b = 0; b < parts; b += 1) {
      for (let a = 0; a < parts; a += 1) {
        if (Math.hypot(at(i, a, dx), at(j, b, dy), at(k, c, dz)) <= peakRadiusMm) inside += 1;
      }
    }
  }
  return inside;
}

/** The slices that a sphere and the spheres of 1 ml about its voxels need, from the first to the last. */
export function slicesNeeded(volume: Pick<SuvVolume, "gapMm" | "sliceCount">, { slice, radiusMm }: Sphere): [number, number] {
  const reach = Math.ceil((radiusMm + peakRadiusMm) / volume.gapMm) + 1;
  return [Math.max(0, Math.floor(slice) - reach), Math.min(volume.sliceCount - 1, Math.ceil(slice) + reach)];
}

/** The uptake in a sphere; null where none of its voxels lies in the volume or has a value. */
export function uptakeIn(volume: SuvVolume, sphere: Sphere, threshold: Threshold): Uptake | null {
  const { columns, rows, columnSpacingMm, rowSpacingMm, gapMm } = volume;
  const within: { at: number; suv: number }[] = [];
  let max = -Infinity;
  forEachVoxel(volume, sphere, (column, row, slice, suv) => {
    within.push({ at: (slice * rows + row) * columns + column, suv });
    max = Math.max(max, suv);
  });
  if (within.length === 0) return null;
  const least = threshold.kind === "share" ? threshold.share * max : threshold.suv;
  const counted = within.filter(({ suv }) => suv >= least);
  const voxelMl = (columnSpacingMm * rowSpacingMm * gapMm) / 1000;
  const mean = counted.length === 0 ? 0 : counted.reduce((sum, { suv }) => sum + suv, 0) / counted.length;
  const volumeMl = counted.length * voxelMl;
  // Where nothing reaches a fixed threshold the region has a peak all the same.
  const centers = counted.length > 0 ? counted : within;
  return {
    max,
    peak: peakOf(volume, centers.map(({ at }) => at)),
    mean,
    volumeMl,
    tlg: mean * volumeMl,
    voxels: counted.map(({ at }) => at),
  };
}

function forEachVoxel(
  volume: SuvVolume,
  { column: c0, row: r0, slice: k0, radiusMm }: Sphere,
  visit: (column: number, row: number, slice: number, suv: number) => void,
): void {
  const { columns, rows, columnSpacingMm, rowSpacingMm, gapMm, sliceCount } = volume;
  const range = (center: number, mm: number, count: number): [number, number] => [
    Math.max(0, Math.ceil(center - radiusMm / mm)),
    Math.min(count - 1, Math.floor(center + radiusMm / mm)),
  ];
  const [firstSlice, lastSlice] = range(k0, gapMm, sliceCount);
  const [firstRow, lastRow] = range(r0, rowSpacingMm, rows);
  const [firstColumn, lastColumn] = range(c0, columnSpacingMm, columns);
  for (let slice = firstSlice; slice <= lastSlice; slice += 1) {
    const values = volume.slice(slice);
    if (!values) continue;
    for (let row = firstRow; row <= lastRow; row += 1) {
      for (let column = firstColumn; column <= lastColumn; column += 1) {
        const away = Math.hypot((column - c0) * columnSpacingMm, (row - r0) * rowSpacingMm, (slice - k0) * gapMm);
        const suv = values[row * columns + column] ?? NaN;
        if (away <= radiusMm && Number.isFinite(suv)) visit(column, row, slice, suv);
      }
    }
  }
}

function peakOf(volume: SuvVolume, centers: readonly number[]): number | null {
  const { columns, rows } = volume;
  const { weights } = peakKernel(volume);
  let best: number | null = null;
  for (const at of centers) {
    const [column, row, slice] = [at % columns, Math.floor(at / columns) % rows, Math.floor(at / (columns * rows))];
    let sum = 0;
    for (const [i, j, k, weight] of weights) {
      const [x, y] = [column + i, row + j];
      const inside = x >= 0 && y >= 0 && x < columns && y < rows;
      sum += weight * (inside ? (volume.slice(slice + k)?.[y * columns + x] ?? NaN) : NaN);
    }
    if (Number.isFinite(sum) && (best === null || sum > best)) best = sum;
  }
  return best;
}

export interface TotalUptake {
  volumeMl: number;
  tlg: number;
}

/** Of several regions of one volume together; a voxel that lies in two of them counts once. */
export function totalOf(volume: SuvVolume, regions: readonly Uptake[]): TotalUptake {
  const { columns, rows, columnSpacingMm, rowSpacingMm, gapMm } = volume;
  const voxels = new Set(regions.flatMap((one) => one.voxels));
  const voxelMl = (columnSpacingMm * rowSpacingMm * gapMm) / 1000;
  let sum = 0;
  for (const at of voxels) sum += volume.slice(Math.floor(at / (columns * rows)))?.[at % (columns * rows)] ?? 0;
  return { volumeMl: voxels.size * voxelMl, tlg: sum * voxelMl };
}
