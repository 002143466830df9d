import { describe, expect, it } from "vitest";
import { sectionPath } from "@/dicom/dose/contourSections";
import { contourSlabs } from "@/dicom/dose/contourSlabs";
import type { Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";

type Square = readonly [from: number, to: number];

/** Squares in x and y at each z. */
function box(planes: readonly (readonly [z: number, ...squares: Square[]])[]) {
  const contours = planes.flatMap(([z, ...squares]) =>
    squares.map(([a, b]) => ({ isClosed: true, points: [[a, a, z], [b, a, z], [b, b, z], [a, b, z]] as Vector[] })),
  );
  const found = contourSlabs({ contours }, [1, 0, 0], [0, 1, 0]);
  if (typeof found === "string") throw new Error(found);
  return found;
}

/** The pieces of a path, each from point to point. */
function piecesOf(path: string): [number, number, number, number][] {
  return [...path.matchAll(/M([-\d.]+) ([-\d.]+)L([-\d.]+) ([-\d.]+)/g)].map((match) => match.slice(1).map(Number) as [number, number, number, number]);
}

const lengthOf = (path: string) => piecesOf(path).reduce((sum, [x, y, u, v]) => sum + Math.hypot(u - x, v - y), 0);
const extent = (path: string) => {
  const pieces = piecesOf(path);
  const [xs, ys] = [pieces.flatMap(([x, , u]) => [x, u]), pieces.flatMap(([, y, , v]) => [y, v])];
  return [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
};

const level = [0, 3, 6].map((z) => [z, [0, 20]] as const);
/** Through y = 10, half a mm a pixel across and a mm a pixel down; its first pixel's centre at x = -10, z = 20. */
const coronal: ImagePlane = { origin: [-10, 10, 20], nextColumn: [0.5, 0, 0], nextRow: [0, 0, -1], columns: 120, rows: 60 };

describe("a structure cut across its contours", () => {
  it("is as high as the slabs of its contours, and as wide as they are", () => {
    const path = sectionPath(box(level), coronal);
    // x = 0 is 10.25 mm from the corner, z = 7.5 is 13 mm below it, z = -1.5 is 22 mm.
    expect(extent(path)).toEqual([20.5, 60.5, 13, 22]);
    // Two sides of 9 pixels, top and bottom of 40: no line lies within.
    expect(lengthOf(path)).toBeCloseTo(2 * 9 + 2 * 40, 5);
  });

  it("keeps the hole that a contour within another is", () => {
    const path = sectionPath(box(level.map(([z, square]) => [z, square, [8, 12]] as const)), coronal);
    expect(lengthOf(path)).toBeCloseTo(4 * 9 + 2 * (40 - 8), 5);
  });

  it("goes in steps where a contour is wider than its neighbour, and ends where a part ends", () => {
    const path = sectionPath(box([[0, [0, 20]], [3, [0, 20]], [6, [4, 16]]]), coronal);
    expect(lengthOf(path)).toBeCloseTo(2 * 9 + 40 + 24 + 16, 5);
    const parted = sectionPath(box([[0, [0, 20]], [3, [0, 20]], [23, [0, 20]], [26, [0, 20]]]), { ...coronal, origin: [-10, 10, 40] });
    expect(lengthOf(parted)).toBeCloseTo(2 * (2 * 6 + 2 * 40), 5);
  });

  it("is longer on a plane at a slant, and not there beside the structure", () => {
    const half = Math.SQRT1_2;
    const slanted: ImagePlane = { origin: [-10, 10, 3], nextColumn: [1, 0, 0], nextRow: [0, half, half], columns: 60, rows: 60 };
    const [left = 0, right = 0, top = 0, bottom = 0] = extent(sectionPath(box(level), slanted));
    expect([left, right]).toEqual([10.5, 30.5]);
    expect(bottom - top).toBeCloseTo(9 * Math.SQRT2, 1);
    expect(sectionPath(box(level), { ...coronal, origin: [-10, 30, 20] })).toBe("");
  });

  it("is its contours on a plane that lies along them, those of the slab that it is in", () => {
    const axial: ImagePlane = { origin: [-5, -5, 4.4], nextColumn: [1, 0, 0], nextRow: [0, 1, 0], columns: 40, rows: 40 };
    const found = box([[0, [0, 20]], [3, [2, 18]], [6, [0, 20]]]);
    expect(sectionPath(found, axial)).toMatch(/^M[^M]*Z$/);
    const numbers = (sectionPath(found, axial).match(/[-\d.]+/g) ?? []).map(Number);
    expect([Math.min(...numbers), Math.max(...numbers)]).toEqual([7.5, 23.5]);
    expect(sectionPath(found, { ...axial, origin: [-5, -5, 8] })).toBe("");
  });
});
