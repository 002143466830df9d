import type { Matrix } from "@/cornerstone";
import type { Place } from "@/dicom/measurements/placed";
import type { WindowRange } from "@/dicom/windowing";

/** Right and down are positive, as on the screen. */
export type Way = readonly [number, number];

const ways: Partial<Record<string, Way>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** How much further an arrow goes with Shift. */
export const far = 10;

export function wayOf({ key, shiftKey }: { key: string; shiftKey: boolean }): Way | null {
  const way = ways[key];
  if (!way) return null;
  return shiftKey ? [way[0] * far, way[1] * far] : way;
}

export function onScreen([x, y]: Place, [a, b, c, d, e, f]: Matrix): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}

export function onImage([x, y]: readonly [number, number], [a, b, c, d, e, f]: Matrix): [number, number] {
  const determinant = a * d - b * c;
  const [u, v] = [x - e, y - f];
  return [(d * u - c * v) / determinant, (a * v - b * u) / determinant];
}

/** One pixel of the image further as the screen shows it, or one of the screen where those are smaller; never off the image. */
export function movedBy(place: Place, way: Way, matrix: Matrix, size: { columns: number; rows: number }): Place {
  const pixel = Math.max(1, Math.min(Math.hypot(matrix[0], matrix[1]), Math.hypot(matrix[2], matrix[3])));
  const [x, y] = onScreen(place, matrix);
  const [column, row] = onImage([x + way[0] * pixel, y + way[1] * pixel], matrix);
  return [within(column, size.columns), within(row, size.rows)];
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

/** Share of the width that an arrow changes a window by. */
const windowShare = 0.02;

/** Wider to the right, narrower to the left; up is brighter, that is a lower level. */
export function windowedBy({ lower, upper }: WindowRange, [across, down]: Way): WindowRange {
  const width = upper - lower;
  const center = (lower + upper) / 2 + down * width * windowShare;
  const half = Math.max(width * 1e-3, width * (1 + across * windowShare)) / 2;
  return { lower: center - half, upper: center + half };
}
