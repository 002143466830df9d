import { numbersOf } from "@/dicom/dicomweb";
import { imagePointOfLps, lpsOfPixel, planeNormal, dot, type Slice, type Vector } from "@/dicom/geometry";

/** A slice with what is drawn on it. */
export interface LabelledSlice {
  slice: Slice;
  labels: ArrayLike<number>;
}

/**
 * One segment as it lies on an image of another series of the same frame of reference: each pixel
 * takes what the nearest voxel of the source holds. 1 for each of its pixels; null where it has none.
 * `source`: all slices of a regular stack, in the order of space; `gapMm`: from one to the next.
 */
export function segmentOnSlice(
  source: readonly LabelledSlice[],
  gapMm: number,
  segment: number,
  target: Slice["dataset"],
): Uint8Array | null {
  const [rows = 0] = numbersOf(target, "00280010");
  const [columns = 0] = numbersOf(target, "00280011");
  const first = source[0];
  const normal = first && planeNormal(first.slice.dataset);
  const origin = lpsOfPixel(target, 0, 0);
  const nextColumn = lpsOfPixel(target, 1, 0);
  const nextRow = lpsOfPixel(target, 0, 1);
  if (!normal || !origin || !nextColumn || !nextRow || first.slice.positionMm === null) return null;
  const steps = { column: minus(nextColumn, origin), row: minus(nextRow, origin) };
  const holds = source.map(({ labels }) => Array.prototype.includes.call(labels, segment));
  const frames = source.map(({ slice }) => frameOf(slice.dataset));
  const start = first.slice.positionMm;
  let out: Uint8Array | null = null;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const point: Vector = [0, 1, 2].map(
        (axis) => (origin[axis] ?? 0) + column * (steps.column[axis] ?? 0) + row * (steps.row[axis] ?? 0),
      ) as Vector;
      const k = Math.round((dot(normal, point) - start) / gapMm);
      const frame = frames[k];
      if (!holds[k] || !frame) continue;
      const at = frame(point);
      if (at === null || source[k]?.labels[at] !== segment) continue;
      out ??= new Uint8Array(rows * columns);
      out[row * columns + column] = 1;
    }
  }
  return out;
}

/** Of which pixel of an image a point is, as an index row by row; null beside the image. */
function frameOf(dataset: Slice["dataset"]): ((point: Vector) => number | null) | null {
  const [rows = 0] = numbersOf(dataset, "00280010");
  const [columns = 0] = numbersOf(dataset, "00280011");
  const origin = imagePointOfLps(dataset, [0, 0, 0]);
  const axes = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]] as Vector[]).map((unit) => imagePointOfLps(dataset, unit));
  if (!origin) return null;
  // The map is affine: header values are read once, not for each pixel.
  const [u, v] = [0, 1].map((which) => axes.map((one) => (one?.[which] ?? 0) - (origin[which] ?? 0))) as [number[], number[]];
  return ([x, y, z]) => {
    const column = Math.floor(origin[0] + (u[0] ?? 0) * x + (u[1] ?? 0) * y + (u[2] ?? 0) * z);
    const row = Math.floor(origin[1] + (v[0] ?? 0) * x + (v[1] ?? 0) * y + (v[2] ?? 0) * z);
    return column < 0 || row < 0 || column >= columns || row >= rows ? null : row * columns + column;
  };
}

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}
