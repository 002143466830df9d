/** What is drawn of a dose over an image: bands of colour, and lines of equal dose. */
import type { Rgb } from "@/dicom/color";
import type { DosePlane } from "./doseGrid";

export interface IsodoseLevel {
  /** Of the reference dose. */
  percent: number;
  color: Rgb;
}

/** From the highest down. */
export const isodoseLevels: readonly IsodoseLevel[] = [
  { percent: 107, color: [255, 0, 255] },
  { percent: 100, color: [255, 48, 48] },
  { percent: 95, color: [255, 144, 0] },
  { percent: 90, color: [255, 224, 0] },
  { percent: 80, color: [96, 224, 64] },
  { percent: 70, color: [0, 208, 176] },
  { percent: 50, color: [0, 168, 255] },
  { percent: 30, color: [72, 96, 255] },
];

/** One pixel for each square of the lattice, RGBA; what is below the lowest level stays clear. */
export function washPixels({ columns, rows, values }: DosePlane, reference: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(columns * rows * 4);
  for (const [at, dose] of values.entries()) {
    // NaN is at none.
    const level = isodoseLevels.find(({ percent }) => dose >= (percent / 100) * reference);
    if (level) pixels.set([...level.color, 255], at * 4);
  }
  return pixels;
}

/**
 * The line of one dose as the path of an SVG in pixels of the image, the first one's corner at 0, 0: marching squares
 * with linear interpolation. No line is drawn where the grid ends.
 */
export function isodosePath({ columns, rows, stride, values }: DosePlane, dose: number): string {
  const parts: string[] = [];
  const place = (column: number, row: number) => `${((column + 0.5) * stride).toFixed(2)} ${((row + 0.5) * stride).toFixed(2)}`;
  for (let row = 0; row + 1 < rows; row += 1) {
    for (let column = 0; column + 1 < columns; column += 1) {
      const at = row * columns + column;
      const a = values[at] ?? NaN;
      const b = values[at + 1] ?? NaN;
      const c = values[at + columns + 1] ?? NaN;
      const d = values[at + columns] ?? NaN;
      const inside = (a >= dose ? 1 : 0) + (b >= dose ? 2 : 0) + (c >= dose ? 4 : 0) + (d >= dose ? 8 : 0);
      if (inside === 0 || inside === 15 || Number.isNaN(a + b + c + d)) continue;
      const share = (from: number, to: number) => (dose - from) / (to - from);
      const top = () => place(column + share(a, b), row);
      const right = () => place(column + 1, row + share(b, c));
      const bottom = () => place(column + share(d, c), row + 1);
      const left = () => place(column, row + share(a, d));
      const line = (from: string, to: string) => parts.push(`M${from}L${to}`);
      if (inside === 5 || inside === 10) {
        // Two corners across from each other: its middle says whether they are joined.
        const isJoined = (a + b + c + d) / 4 >= dose;
        if ((inside === 5) === isJoined) {
          line(top(), right());
          line(bottom(), left());
        } else {
          line(top(), left());
          line(bottom(), right());
        }
        continue;
      }
      const cut: string[] = [];
      if (a >= dose !== b >= dose) cut.push(top());
      if (b >= dose !== c >= dose) cut.push(right());
      if (c >= dose !== d >= dose) cut.push(bottom());
      if (d >= dose !== a >= dose) cut.push(left());
      line(cut[0] ?? "", cut[1] ?? "");
    }
  }
  return parts.join("");
}
