/** Values of a volume along straight lines, between its voxels. */
import { cross, dot, type Vector } from "@/dicom/geometry";
import { isPadding } from "@/dicom/measurements/pixelsWithin";
import type { ProjectedVolume } from "@/dicom/pet/projection";
import type { WindowRange } from "@/dicom/windowing";

/** A linear map from the patient (LPS, mm) to indices of voxels. */
export interface VoxelIndex {
  /** Column, row and slice of the origin of the patient. */
  origin: Vector;
  /** How far an index goes for a millimetre along each axis of the patient. */
  columnPerMm: Vector;
  rowPerMm: Vector;
  slicePerMm: Vector;
  /** The least distance between two planes of voxels, mm. */
  finestMm: number;
}

/** Also of volumes that are oblique or sheared: the inverse of their three steps. */
export function voxelIndexOf({ origin, nextColumn, nextRow, nextSlice }: Omit<ProjectedVolume, "slices" | "paddings">): VoxelIndex {
  const volumeMm3 = dot(nextColumn, cross(nextRow, nextSlice));
  const over = (vector: Vector): Vector => [vector[0] / volumeMm3, vector[1] / volumeMm3, vector[2] / volumeMm3];
  const columnPerMm = over(cross(nextRow, nextSlice));
  const rowPerMm = over(cross(nextSlice, nextColumn));
  const slicePerMm = over(cross(nextColumn, nextRow));
  return {
    origin: [-dot(columnPerMm, origin), -dot(rowPerMm, origin), -dot(slicePerMm, origin)],
    columnPerMm,
    rowPerMm,
    slicePerMm,
    finestMm: Math.min(...[columnPerMm, rowPerMm, slicePerMm].map((each) => 1 / Math.hypot(...each))),
  };
}

/** Column, row and slice of a place, with fractions; a voxel's centre lies at whole numbers. */
export function indexOfPlace({ origin, columnPerMm, rowPerMm, slicePerMm }: VoxelIndex, place: Vector): Vector {
  return [origin[0] + dot(columnPerMm, place), origin[1] + dot(rowPerMm, place), origin[2] + dot(slicePerMm, place)];
}

/** Puts `count` values of a line into `into`: the first at `start`, each the next step further; NaN outside of all voxels, and where most is padding. */
export type LineSampler = (start: Vector, step: Vector, count: number, into: Float32Array, offset: number) => void;

/** Between the eight voxels around a place the value is linear along each axis (trilinear); in the outer half of an edge voxel it is its own. */
export function lineSampler(volume: ProjectedVolume): LineSampler {
  const { columns, rows, slices, paddings = [] } = volume;
  const index = voxelIndexOf(volume);
  const { columnPerMm, rowPerMm, slicePerMm } = index;
  const [lastColumn, lastRow, lastSlice] = [columns - 1, rows - 1, slices.length - 1];
  const [mostColumn, mostRow, mostSlice] = [columns - 0.5, rows - 0.5, slices.length - 0.5];
  return (start, step, count, into, offset) => {
    const [i0, j0, k0] = indexOfPlace(index, start);
    const [di, dj, dk] = [dot(columnPerMm, step), dot(rowPerMm, step), dot(slicePerMm, step)];
    for (let n = 0; n < count; n += 1) {
      let i = i0 + n * di;
      let j = j0 + n * dj;
      let k = k0 + n * dk;
      if (!(i >= -0.5 && j >= -0.5 && k >= -0.5 && i <= mostColumn && j <= mostRow && k <= mostSlice)) {
        into[offset + n] = NaN;
        continue;
      }
      i = i < 0 ? 0 : i > lastColumn ? lastColumn : i;
      j = j < 0 ? 0 : j > lastRow ? lastRow : j;
      k = k < 0 ? 0 : k > lastSlice ? lastSlice : k;
      const [ci, cj, ck] = [Math.trunc(i), Math.trunc(j), Math.trunc(k)];
      const [fi, fj, fk] = [i - ci, j - cj, k - ck];
      const right = ci < lastColumn ? 1 : 0;
      const below = cj < lastRow ? columns : 0;
      const at = cj * columns + ci;
      const near = slices[ck] as ArrayLike<number>;
      const far = (ck < lastSlice ? slices[ck + 1] : near) as ArrayLike<number>;
      if (paddings.length > 0) {
        into[offset + n] = blendedWithout(paddings, near, far, at, right, below, [fi, fj, fk]);
        continue;
      }
      const nearValue = blended(near, at, right, below, fi, fj);
      into[offset + n] = fk === 0 ? nearValue : nearValue + fk * (blended(far, at, right, below, fi, fj) - nearValue);
    }
  };
}

function blended(pixels: ArrayLike<number>, at: number, right: number, below: number, fi: number, fj: number): number {
  const a = pixels[at] as number;
  const b = pixels[at + right] as number;
  const c = pixels[at + below] as number;
  const d = pixels[at + below + right] as number;
  const top = a + fi * (b - a);
  return top + fj * (c + fi * (d - c) - top);
}

/** Of the voxels around a place that were measured, by their shares; NaN where they are less than half of it. */
function blendedWithout(
  paddings: readonly WindowRange[],
  near: ArrayLike<number>,
  far: ArrayLike<number>,
  at: number,
  right: number,
  below: number,
  [fi, fj, fk]: Vector,
): number {
  let [sum, weight] = [0, 0];
  for (let corner = 0; corner < 8; corner += 1) {
    const [isRight, isBelow, isFar] = [(corner & 1) > 0, (corner & 2) > 0, (corner & 4) > 0];
    const share = (isRight ? fi : 1 - fi) * (isBelow ? fj : 1 - fj) * (isFar ? fk : 1 - fk);
    if (share === 0) continue;
    const value = (isFar ? far : near)[at + (isRight ? right : 0) + (isBelow ? below : 0)] as number;
    if (isPadding(value, paddings)) continue;
    sum += share * value;
    weight += share;
  }
  return weight >= 0.5 ? sum / weight : NaN;
}
