/** Maximum intensity projections of a volume, seen from all around the patient's long axis. */
import { dot, type Vector } from "@/dicom/geometry";
import type { WindowRange } from "@/dicom/windowing";

/** A regular volume: its slices in order, each row by row. */
export interface ProjectedVolume {
  columns: number;
  rows: number;
  slices: readonly ArrayLike<number>[];
  /** Values that were never measured; absent where there are none. */
  paddings?: readonly WindowRange[];
  /** LPS of the centre of the first voxel, and the steps to the next column, row and slice: mm. */
  origin: Vector;
  nextColumn: Vector;
  nextRow: Vector;
  nextSlice: Vector;
}

export interface Projection {
  width: number;
  height: number;
  /** Of a pixel: to the right, and down towards the feet. */
  pixelMm: [number, number];
  /** Of the centre of the first pixel: along the direction to the right, and along that to the head. */
  rightMm: number;
  headMm: number;
  /** The greatest value along each line of sight; -Infinity beside the volume. */
  values: Float32Array;
  /** The voxel that it is of: slice × rows × columns + row × columns + column; -1 beside the volume. */
  voxels: Int32Array;
}

/**
 * The direction to the right of who looks at the patient from an angle in degrees, LPS: 0 from the front, 90 from the
 * patient's left side, the camera going around it from there.
 */
export function rightOf(degrees: number): Vector {
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle), 0];
}

const up: Vector = [0, 0, 1];

export function voxelLps({ columns, rows, origin, nextColumn, nextRow, nextSlice }: Omit<ProjectedVolume, "slices" | "paddings">, voxel: number): Vector {
  const column = voxel % columns;
  const row = Math.floor(voxel / columns) % rows;
  const slice = Math.floor(voxel / (columns * rows));
  return [0, 1, 2].map(
    (axis) => (origin[axis] ?? 0) + column * (nextColumn[axis] ?? 0) + row * (nextRow[axis] ?? 0) + slice * (nextSlice[axis] ?? 0),
  ) as Vector;
}

/** The middle of the volume's box, about which it turns. */
export function middleOfVolume(volume: ProjectedVolume): Vector {
  const { columns, rows, slices, origin, nextColumn, nextRow, nextSlice } = volume;
  return [0, 1, 2].map(
    (axis) =>
      (origin[axis] ?? 0) +
      ((columns - 1) / 2) * (nextColumn[axis] ?? 0) +
      ((rows - 1) / 2) * (nextRow[axis] ?? 0) +
      ((slices.length - 1) / 2) * (nextSlice[axis] ?? 0),
  ) as Vector;
}

/** Every voxel falls onto the pixel that its centre lies in, which is as large as the voxels lie apart: none stays empty. */
export function projectionOf(volume: ProjectedVolume, degrees: number): Projection {
  const { columns, rows, slices, nextColumn, nextRow, nextSlice } = volume;
  const right = rightOf(degrees);
  const steps = [nextColumn, nextRow, nextSlice];
  const level = Math.max(...steps.map((step) => Math.hypot(step[0], step[1])));
  const upright = Math.max(...steps.map((step) => Math.abs(step[2])));
  const middle = middleOfVolume(volume);
  const counts = [columns, rows, slices.length];
  const reach = (along: (step: Vector) => number) =>
    steps.reduce((sum, step, axis) => sum + (Math.abs(along(step)) * ((counts[axis] ?? 1) - 1)) / 2, 0);
  // The same size from every angle, so that the picture does not jump as it turns.
  const levelReach = Math.hypot(reach((step) => step[0]), reach((step) => step[1]));
  const headReach = reach((step) => step[2]);
  const width = 2 * Math.ceil(levelReach / level) + 1;
  const height = Math.round((2 * headReach) / upright) + 1;
  const rightMm = dot(middle, right) - ((width - 1) / 2) * level;
  const headMm = middle[2] + ((height - 1) / 2) * upright;
  const values = new Float32Array(width * height).fill(-Infinity);
  const voxels = new Int32Array(width * height).fill(-1);
  const start = volume.origin;
  const from = (dot(start, right) - rightMm) / level;
  const down = (headMm - start[2]) / upright;
  const [acrossStep, downStep] = [(step: Vector) => dot(step, right) / level, (step: Vector) => -dot(step, up) / upright];
  const [columnX, rowX, sliceX] = steps.map(acrossStep) as Vector;
  const [columnY, rowY, sliceY] = steps.map(downStep) as Vector;
  for (const [slice, pixels] of slices.entries()) {
    let at = 0;
    for (let row = 0; row < rows; row += 1) {
      const x0 = from + row * rowX + slice * sliceX + 0.5;
      const y0 = down + row * rowY + slice * sliceY + 0.5;
      for (let column = 0; column < columns; column += 1, at += 1) {
        const value = pixels[at] ?? NaN;
        const x = Math.floor(x0 + column * columnX);
        const y = Math.floor(y0 + column * columnY);
        if (x < 0 || y < 0 || x >= width || y >= height) continue;
        const place = y * width + x;
        if (value > (values[place] ?? Infinity)) {
          values[place] = value;
          voxels[place] = slice * rows * columns + at;
        }
      }
    }
  }
  return { width, height, pixelMm: [level, upright], rightMm, headMm, values, voxels };
}

/** Where a point of the patient is seen: pixels from the corner of the first one, whose centre is at 0.5, 0.5. */
export function seenAt({ pixelMm, rightMm, headMm }: Projection, degrees: number, point: Vector): [number, number] {
  return [(dot(point, rightOf(degrees)) - rightMm) / pixelMm[0] + 0.5, (headMm - point[2]) / pixelMm[1] + 0.5];
}

/** Shades of a window, inverted where dark is much; clear beside the volume. */
export function shadesOf({ values }: Projection, { lower, upper, inverted }: { lower: number; upper: number; inverted: boolean }): Uint8ClampedArray<ArrayBuffer> {
  const shades = new Uint8ClampedArray(values.length * 4);
  const scale = 255 / (upper - lower || 1);
  for (const [at, value] of values.entries()) {
    const share = Math.max(0, Math.min(255, (value - lower) * scale));
    const shade = inverted ? 255 - share : share;
    shades[at * 4] = shades[at * 4 + 1] = shades[at * 4 + 2] = shade;
    shades[at * 4 + 3] = 255;
  }
  return shades;
}
