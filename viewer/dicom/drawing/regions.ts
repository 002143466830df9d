import type { WindowRange } from "@/dicom/windowing";

export interface GridShape {
  slices: number;
  rows: number;
  columns: number;
}

/** Reads the values of a slice, row by row; null where it cannot be had. */
export type ValuesOf = (slice: number) => Promise<ArrayLike<number> | null>;

/**
 * What hangs together with a voxel within a range of values: over the sides of voxels, within the
 * slice alone or from slice to slice. `mayEnter` says no of voxels that must not change. Indexes of
 * the pixels of each slice; none where the voxel itself is outside of the range.
 */
export async function growRegion(
  shape: GridShape,
  seed: { slice: number; column: number; row: number },
  range: WindowRange,
  valuesOf: ValuesOf,
  { inSliceOnly = false, mayEnter = () => true }: { inSliceOnly?: boolean; mayEnter?: (slice: number, at: number) => boolean } = {},
): Promise<Map<number, number[]>> {
  const { slices, rows, columns } = shape;
  const found = new Map<number, number[]>();
  const seen = new Map<number, Uint8Array>();
  const waiting = new Map<number, number[]>([[seed.slice, [seed.row * columns + seed.column]]]);
  for (;;) {
    const next = waiting.entries().next().value;
    if (!next) return found;
    const [slice, seeds] = next;
    waiting.delete(slice);
    const values = await valuesOf(slice);
    if (!values) continue;
    const marks = seen.get(slice) ?? new Uint8Array(rows * columns);
    seen.set(slice, marks);
    const enters = (at: number) => {
      const value = values[at] ?? NaN;
      return marks[at] === 0 && value >= range.lower && value <= range.upper && mayEnter(slice, at);
    };
    const filled = flood(seeds, enters, marks, rows, columns);
    if (filled.length === 0) continue;
    const before = found.get(slice);
    if (before) for (const at of filled) before.push(at);
    else found.set(slice, filled);
    if (inSliceOnly) continue;
    for (const neighbour of [slice - 1, slice + 1]) {
      if (neighbour < 0 || neighbour >= slices) continue;
      const there = seen.get(neighbour);
      const asked = waiting.get(neighbour) ?? [];
      for (const at of filled) if (!there?.[at]) asked.push(at);
      if (asked.length > 0) waiting.set(neighbour, asked);
    }
  }
}

function flood(
  seeds: readonly number[],
  enters: (at: number) => boolean,
  marks: Uint8Array,
  rows: number,
  columns: number,
): number[] {
  const filled: number[] = [];
  const add = (at: number) => {
    if (!enters(at)) return;
    marks[at] = 1;
    filled.push(at);
  };
  seeds.forEach(add);
  for (let done = 0; done < filled.length; done += 1) {
    const at = filled[done] ?? 0;
    const column = at % columns;
    if (column > 0) add(at - 1);
    if (column < columns - 1) add(at + 1);
    if (at >= columns) add(at - columns);
    if (at < (rows - 1) * columns) add(at + columns);
  }
  return filled;
}

/** The pixels whose values lie within a range, and which may change. */
export function withinRange(
  values: ArrayLike<number>,
  { lower, upper }: WindowRange,
  mayEnter: (at: number) => boolean = () => true,
): number[] {
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? NaN;
    if (value >= lower && value <= upper && mayEnter(at)) found.push(at);
  }
  return found;
}

/** The pixels whose centres lie within a circle around a pixel's centre; spacings and radius in mm. */
export function discAround(
  { rows, columns }: Pick<GridShape, "rows" | "columns">,
  middle: { column: number; row: number },
  radiusMm: number,
  [rowSpacingMm, columnSpacingMm]: readonly [number, number],
): number[] {
  const found: number[] = [];
  const [up, left] = [Math.ceil(radiusMm / rowSpacingMm), Math.ceil(radiusMm / columnSpacingMm)];
  for (let row = Math.max(0, middle.row - up); row <= Math.min(rows - 1, middle.row + up); row += 1) {
    for (let column = Math.max(0, middle.column - left); column <= Math.min(columns - 1, middle.column + left); column += 1) {
      const away = Math.hypot((column - middle.column) * columnSpacingMm, (row - middle.row) * rowSpacingMm);
      if (away <= radiusMm) found.push(row * columns + column);
    }
  }
  return found;
}
