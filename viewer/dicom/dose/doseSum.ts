/** Doses of one patient added up. */
import { dot, type Vector } from "@/dicom/geometry";
import { doseAt, type DoseGrid } from "./doseGrid";

/** What of a dose says whether it may be added to another. */
export interface Summand {
  grid: Pick<DoseGrid, "frameOfReferenceUid" | "kind" | "unit">;
  /** Dose Summation Type: PLAN, BEAM, FRACTION …; empty where none is stated. */
  summation: string;
  /** SOP Instance UIDs of its plans; none where none is named. */
  planUids: readonly string[];
  /** Of the beams that it names, by the fraction group they are in. */
  beams: readonly string[];
}

/** Why doses are not added. */
export type SumObstacle = "frame" | "kind" | "relative" | "unstated" | "counted_twice";

/**
 * Whether doses add up to one of a meaning: of one frame of reference, all of them physical or all effective. Parts of a plan are
 * not added to that plan, nor beams to fractions of it: what they share would count twice.
 */
export function sumObstacle(summands: readonly Summand[]): SumObstacle | null {
  const [first, ...others] = summands;
  if (!first) return null;
  if (summands.some(({ grid }) => grid.kind === "relative")) return "relative";
  if (summands.some(({ grid }) => grid.kind === "unstated")) return "unstated";
  if (others.some(({ grid }) => grid.kind !== first.grid.kind || grid.unit !== first.grid.unit)) return "kind";
  const frame = first.grid.frameOfReferenceUid;
  if (frame === "" || others.some(({ grid }) => grid.frameOfReferenceUid !== frame)) return "frame";
  const isTwice = summands.some((one, at) =>
    summands.slice(at + 1).some((other) => one.planUids.some((uid) => other.planUids.includes(uid)) && !areParts(one, other)),
  );
  return isTwice ? "counted_twice" : null;
}

/** Different beams of one plan, and nothing else of it, add up to what they give together. */
function areParts(one: Summand, other: Summand): boolean {
  if (one.summation !== "BEAM" || other.summation !== "BEAM") return false;
  const areNamed = one.beams.length > 0 && other.beams.length > 0;
  return areNamed && !one.beams.some((beam) => other.beams.includes(beam));
}

/**
 * The sum on the finest of the grids, the others interpolated linearly. Where one of them does not reach, nothing is known of
 * it, and the sum is NaN.
 */
export function sumOfDoses(grids: readonly [DoseGrid, ...DoseGrid[]]): DoseGrid {
  const finest = grids.reduce((best, one) => (voxelMm3(one) < voxelMm3(best) ? one : best));
  const values = Float32Array.from(finest.values);
  for (const grid of grids) {
    if (grid !== finest) add(values, finest, grid);
  }
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return { ...finest, sopInstanceUid: grids.map(({ sopInstanceUid }) => sopInstanceUid).join(" + "), values, most };
}

function voxelMm3({ columnSpacingMm, rowSpacingMm, offsetsMm }: DoseGrid): number {
  const [first = 0, last = 0] = [offsetsMm[0], offsetsMm.at(-1)];
  return columnSpacingMm * rowSpacingMm * (offsetsMm.length > 1 ? (last - first) / (offsetsMm.length - 1) : Infinity);
}

function add(values: Float32Array, on: DoseGrid, grid: DoseGrid): void {
  const { origin, along, down, normal, columns, rows, columnSpacingMm, rowSpacingMm, offsetsMm } = on;
  if (isSameGrid(on, grid)) {
    for (let at = 0; at < values.length; at += 1) values[at] = (values[at] ?? NaN) + (grid.values[at] ?? NaN);
    return;
  }
  for (const [plane, offset] of offsetsMm.entries()) {
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const [right, below] = [column * columnSpacingMm, row * rowSpacingMm];
        const point = [0, 1, 2].map(
          (axis) => (origin[axis] ?? 0) + right * (along[axis] ?? 0) + below * (down[axis] ?? 0) + offset * (normal[axis] ?? 0),
        ) as Vector;
        const at = (plane * rows + row) * columns + column;
        values[at] = (values[at] ?? NaN) + doseAt(grid, point);
      }
    }
  }
}

const sameMm = 1e-3;

function isSameGrid(one: DoseGrid, other: DoseGrid): boolean {
  const isNear = (a: Vector, b: Vector, within: number) => a.every((part, axis) => Math.abs(part - (b[axis] ?? 0)) <= within);
  return (
    one.columns === other.columns &&
    one.rows === other.rows &&
    one.offsetsMm.length === other.offsetsMm.length &&
    one.offsetsMm.every((offset, at) => Math.abs(offset - (other.offsetsMm[at] ?? 0)) <= sameMm) &&
    Math.abs(one.columnSpacingMm - other.columnSpacingMm) <= 1e-6 &&
    Math.abs(one.rowSpacingMm - other.rowSpacingMm) <= 1e-6 &&
    isNear(one.origin, other.origin, sameMm) &&
    1 - dot(one.along, other.along) < 1e-9 &&
    1 - dot(one.down, other.down) < 1e-9
  );
}
