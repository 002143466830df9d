import type { MeasuringKind } from "@/dicom/measurements/measurement";
import type { WindowRange } from "@/dicom/windowing";

type Point = readonly [number, number];

export interface Statistics {
  mean: number;
  stdDev: number;
  min: number;
  max: number;
}

export interface Image {
  columns: number;
  rows: number;
  /** One value a pixel, rescaled, row by row. */
  values: ArrayLike<number>;
  /** Height of a pixel over its width. */
  aspect: number;
}

export function isPadding(value: number, paddings: readonly WindowRange[]): boolean {
  return paddings.some(({ lower, upper }) => value >= lower && value <= upper);
}

/**
 * The values of the pixels whose centres lie within a shape, padding left out (PS3.3 C.7.5.1.1.2): it
 * was never measured. Points as in PS3.3 C.18.6.1.1.
 */
export function* valuesWithin(
  kind: MeasuringKind,
  points: readonly Point[],
  { columns, rows, values, aspect }: Image,
  paddings: readonly WindowRange[],
): Generator<number> {
  const isWithin = membership(kind, points, aspect);
  if (!isWithin) return;
  const [left, right, top, bottom] = boundsOf(kind, points, aspect);
  for (let row = Math.max(0, Math.floor(top)); row < Math.min(rows, Math.ceil(bottom)); row++) {
    for (let column = Math.max(0, Math.floor(left)); column < Math.min(columns, Math.ceil(right)); column++) {
      const value = values[row * columns + column] ?? NaN;
      if (Number.isFinite(value) && !isPadding(value, paddings) && isWithin(column + 0.5, row + 0.5)) yield value;
    }
  }
}

/** The statistics of these values; null where there are none. */
export function statisticsWithin(
  kind: MeasuringKind,
  points: readonly Point[],
  image: Image,
  paddings: readonly WindowRange[],
): Statistics | null {
  let [count, mean, m2, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (const value of valuesWithin(kind, points, image, paddings)) {
    count += 1;
    const delta = value - mean;
    mean += delta / count;
    m2 += delta * (value - mean);
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return count === 0 ? null : { mean, stdDev: Math.sqrt(m2 / count), min, max };
}

type Membership = (column: number, row: number) => boolean;

function membership(kind: MeasuringKind, points: readonly Point[], aspect: number): Membership | null {
  const [a, b, c, d] = points;
  if (kind === "circle" && a && b) {
    const radius = Math.hypot(b[0] - a[0], (b[1] - a[1]) * aspect);
    return (column, row) => Math.hypot(column - a[0], (row - a[1]) * aspect) <= radius;
  }
  if (kind === "ellipse" && a && b && c && d) {
    // Its axes may be at right angles in mm and not in pixels: conjugate diameters.
    const [u0, u1, v0, v1] = [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2, (d[0] - c[0]) / 2, (d[1] - c[1]) / 2];
    const determinant = u0 * v1 - u1 * v0;
    const [x0, y0] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return (column, row) => {
      const [x, y] = [column - x0, row - y0];
      return Math.hypot((x * v1 - y * v0) / determinant, (y * u0 - x * u1) / determinant) <= 1;
    };
  }
  if ((kind === "rectangle" || kind === "freehand") && points.length > 2) return (column, row) => encloses(points, column, row);
  return null;
}

/** By the rule of even and odd. */
function encloses(points: readonly Point[], column: number, row: number): boolean {
  let inside = false;
  points.forEach(([x, y], index) => {
    const [otherX, otherY] = points[(index + 1) % points.length] ?? [x, y];
    if (y > row !== otherY > row && column < x + ((row - y) * (otherX - x)) / (otherY - y)) inside = !inside;
  });
  return inside;
}

function boundsOf(kind: MeasuringKind, points: readonly Point[], aspect: number): [number, number, number, number] {
  const [a, b, c, d] = points;
  if (kind === "circle" && a && b) {
    const radius = Math.hypot(b[0] - a[0], (b[1] - a[1]) * aspect);
    return [a[0] - radius, a[0] + radius, a[1] - radius / aspect, a[1] + radius / aspect];
  }
  if (kind === "ellipse" && a && b && c && d) {
    const half = (axis: 0 | 1) => Math.hypot(b[axis] - a[axis], d[axis] - c[axis]) / 2;
    const [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return [x - half(0), x + half(0), y - half(1), y + half(1)];
  }
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of points) {
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  }
  return [left, right, top, bottom];
}
