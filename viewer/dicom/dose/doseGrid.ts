/** RT Dose (PS3.3 C.8.8.3): a grid of doses in the patient, of any orientation and with planes of any distance. */
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { cross, dot, vector, type Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";

const tag = {
  sopInstanceUid: "00080018",
  frameOfReference: "00200052",
  position: "00200032",
  orientation: "00200037",
  samples: "00280002",
  frames: "00280008",
  rows: "00280010",
  columns: "00280011",
  spacing: "00280030",
  bitsAllocated: "00280100",
  pixelRepresentation: "00280103",
  thickness: "00180050",
  doseUnits: "30040002",
  doseType: "30040004",
  offsets: "3004000C",
  scaling: "3004000E",
} as const;

/** What a dose is (Dose Units, Dose Type): effective ones are weighted by the radiation's biological effect. */
export type DoseKind = "physical" | "effective" | "relative" | "unstated";

const unitOf = { physical: "Gy", effective: "Gy (RBE)", relative: "", unstated: "Gy" } as const;

/** Where the doses of a file lie, and what its stored values are worth. */
export interface DoseHeader {
  sopInstanceUid: string;
  frameOfReferenceUid: string;
  kind: DoseKind;
  /** As ICRU 78 writes it; "" of shares of something that the file does not name (RELATIVE). */
  unit: (typeof unitOf)[DoseKind];
  isSigned: boolean;
  bytesPerValue: 2 | 4;
  /** Dose of a stored value of 1 (Dose Grid Scaling). */
  scaling: number;
  columns: number;
  rows: number;
  /** The centre of the first pixel of the plane at offset 0: LPS, mm. */
  origin: Vector;
  /** Unit vectors: of increasing column, of increasing row, and their cross product. */
  along: Vector;
  down: Vector;
  normal: Vector;
  /** Between columns, and between rows. */
  columnSpacingMm: number;
  rowSpacingMm: number;
  /** Of each frame from `origin` along `normal`, in the order in which the file has them. */
  offsetsMm: readonly number[];
  /** How far from a single plane its dose is taken to hold. */
  singleReachMm: number;
}

/** Why a dose cannot be shown. */
export type DoseObstacle = "no_grid" | "geometry" | "offsets" | "scaling" | "pixels" | "units" | "error" | "too_large";

/** 160 MB of memory once they are read. */
const mostVoxels = 40_000_000;
const sameMm = 0.01;

/** Reads a header without pixels; or says what forbids to show its dose. */
export function doseHeaderOf(dataset: DicomJson): DoseHeader | DoseObstacle {
  const first = (of: string) => numbersOf(dataset, of)[0];
  const [rows, columns, bits, scaling] = [tag.rows, tag.columns, tag.bitsAllocated, tag.scaling].map(first);
  if (!rows || !columns) return "no_grid";
  if (stringOf(dataset, tag.doseType) === "ERROR") return "error";
  const units = stringOf(dataset, tag.doseUnits);
  if (units !== "GY" && units !== "RELATIVE") return "units";
  const kind = kindOf(units, stringOf(dataset, tag.doseType));
  // A scale of 0 or none would make every dose 0, or a stored number a dose.
  if (!scaling || scaling < 0) return "scaling";
  if ((bits !== 16 && bits !== 32) || (first(tag.samples) ?? 1) !== 1) return "pixels";
  const frames = first(tag.frames) ?? 1;
  if (rows * columns * frames > mostVoxels) return "too_large";
  const position = vector(numbersOf(dataset, tag.position));
  const cosines = numbersOf(dataset, tag.orientation);
  const [along, down] = [vector(cosines), vector(cosines, 3)];
  const [rowSpacingMm, columnSpacingMm] = numbersOf(dataset, tag.spacing);
  if (!position || !along || !down || !rowSpacingMm || !columnSpacingMm) return "geometry";
  if (Math.abs(dot(along, down)) > 1e-3 || Math.abs(dot(along, along) - 1) > 1e-3 || Math.abs(dot(down, down) - 1) > 1e-3) {
    return "geometry";
  }
  const normal = cross(along, down);
  const offsetsMm = offsetsOf(numbersOf(dataset, tag.offsets), frames, position, normal);
  if (!offsetsMm) return "offsets";
  return {
    sopInstanceUid: stringOf(dataset, tag.sopInstanceUid),
    frameOfReferenceUid: stringOf(dataset, tag.frameOfReference),
    kind,
    unit: unitOf[kind],
    isSigned: first(tag.pixelRepresentation) === 1,
    bytesPerValue: bits === 16 ? 2 : 4,
    scaling,
    columns,
    rows,
    origin: position,
    along,
    down,
    normal,
    columnSpacingMm,
    rowSpacingMm,
    offsetsMm,
    singleReachMm: Math.max(sameMm, (first(tag.thickness) ?? 0) / 2),
  };
}

function kindOf(units: string, type: string): DoseKind {
  if (units === "RELATIVE") return "relative";
  if (type === "EFFECTIVE") return "effective";
  return type === "PHYSICAL" ? "physical" : "unstated";
}

/**
 * Grid Frame Offset Vector (PS3.3 C.8.8.3.2): from the first frame where it begins with 0, else the z of each frame, which
 * is possible for axial planes alone and begins with that of the position. Null where it is neither, or where two frames
 * lie in one place.
 */
function offsetsOf(stated: readonly number[], frames: number, position: Vector, normal: Vector): number[] | null {
  if (frames === 1 && stated.length === 0) return [0];
  const [start] = stated;
  if (stated.length !== frames || start === undefined) return null;
  const isRelative = Math.abs(start) < 1e-6;
  const isAxial = Math.abs(Math.abs(normal[2]) - 1) < 1e-3;
  if (!isRelative && (!isAxial || Math.abs(start - position[2]) > sameMm)) return null;
  const offsets = stated.map((offset) => (isRelative ? offset : (offset - start) * Math.sign(normal[2])));
  const sorted = offsets.toSorted((a, b) => a - b);
  return sorted.some((offset, index) => index > 0 && offset - (sorted[index - 1] ?? 0) < sameMm) ? null : offsets;
}

/** A dose with its values, its planes in the order of space. */
export interface DoseGrid extends DoseHeader {
  /** Ascending. */
  offsetsMm: readonly number[];
  /** In `unit`, plane by plane, row by row. */
  values: Float32Array;
  most: number;
}

/** Brings the frames of a file, little endian, into the order of space and into doses. Throws where a frame is short. */
export function doseGridOf(header: DoseHeader, frames: readonly ArrayBuffer[]): DoseGrid {
  const perFrame = header.columns * header.rows;
  const order = header.offsetsMm.map((offset, frame) => ({ offset, frame })).sort((a, b) => a.offset - b.offset);
  const values = new Float32Array(perFrame * order.length);
  let most = 0;
  for (const [plane, { frame }] of order.entries()) {
    const stored = storedValues(header, frames[frame]);
    for (let at = 0; at < perFrame; at += 1) {
      const dose = (stored[at] ?? 0) * header.scaling;
      values[plane * perFrame + at] = dose;
      if (dose > most) most = dose;
    }
  }
  return { ...header, offsetsMm: order.map(({ offset }) => offset), values, most };
}

function storedValues({ columns, rows, bytesPerValue, isSigned }: DoseHeader, frame: ArrayBuffer | undefined): ArrayLike<number> {
  const count = columns * rows;
  if (!frame || frame.byteLength < count * bytesPerValue) throw new RangeError("short frame");
  if (bytesPerValue === 2) return isSigned ? new Int16Array(frame, 0, count) : new Uint16Array(frame, 0, count);
  return isSigned ? new Int32Array(frame, 0, count) : new Uint32Array(frame, 0, count);
}

/** The dose at a point of the patient, between the centres of the grid by trilinear interpolation; NaN outside of them. */
export function doseAt(grid: DoseGrid, point: Vector): number {
  const from: Vector = [point[0] - grid.origin[0], point[1] - grid.origin[1], point[2] - grid.origin[2]];
  return doseAtGrid(grid, dot(from, grid.along) / grid.columnSpacingMm, dot(from, grid.down) / grid.rowSpacingMm, dot(from, grid.normal));
}

const rounding = 1e-4;

/** The same at a column and a row, centres at whole numbers, and a distance along the normal, mm. */
function doseAtGrid({ columns, rows, offsetsMm, values, singleReachMm }: DoseGrid, column: number, row: number, heightMm: number): number {
  if (column < -rounding || row < -rounding || column > columns - 1 + rounding || row > rows - 1 + rounding) return NaN;
  const last = offsetsMm.length - 1;
  const [first = 0, end = 0] = [offsetsMm[0], offsetsMm[last]];
  const reach = last === 0 ? singleReachMm : rounding;
  if (heightMm < first - reach || heightMm > end + reach) return NaN;
  let [below, above] = [0, last];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if ((offsetsMm[middle] ?? 0) <= heightMm) below = middle;
    else above = middle;
  }
  const [low = 0, high = 0] = [offsetsMm[below], offsetsMm[above]];
  const z = high > low ? Math.max(0, Math.min(1, (heightMm - low) / (high - low))) : 0;
  const i = Math.max(0, Math.min(columns - 1, column));
  const j = Math.max(0, Math.min(rows - 1, row));
  const i0 = Math.min(Math.floor(i), Math.max(0, columns - 2));
  const j0 = Math.min(Math.floor(j), Math.max(0, rows - 2));
  const [x, y] = [i - i0, j - j0];
  const plane = (k: number): number => {
    const at = (k * rows + j0) * columns + i0;
    const across = (start: number) => (values[start] ?? 0) * (1 - x) + (x > 0 ? (values[start + 1] ?? 0) * x : 0);
    return across(at) * (1 - y) + (y > 0 ? across(at + columns) * y : 0);
  };
  return z > 0 ? plane(below) * (1 - z) + plane(above) * z : plane(below);
}

/** Doses on a lattice over an image: the first is that of the square of `stride` pixels at its corner. */
export interface DosePlane {
  columns: number;
  rows: number;
  /** Width and height of each square, in pixels of the image. */
  stride: number;
  /** NaN where the grid does not reach. */
  values: Float32Array;
}

/** So fine that lines are smooth, and so coarse that a slice takes milliseconds. */
const finestLattice = 256;

/** The doses over an image, wherever it cuts the grid; null where it does not. */
export function doseOnImage(grid: DoseGrid, image: ImagePlane): DosePlane | null {
  const stride = Math.max(1, Math.ceil(Math.max(image.columns, image.rows) / finestLattice));
  const [columns, rows] = [Math.ceil(image.columns / stride), Math.ceil(image.rows / stride)];
  const values = new Float32Array(columns * rows).fill(NaN);
  const from: Vector = [0, 1, 2].map((axis) => (image.origin[axis] ?? 0) - (grid.origin[axis] ?? 0)) as Vector;
  const inGrid = (vector: Vector): Vector => [
    dot(vector, grid.along) / grid.columnSpacingMm,
    dot(vector, grid.down) / grid.rowSpacingMm,
    dot(vector, grid.normal),
  ];
  const [start, right, below] = [inGrid(from), inGrid(image.nextColumn), inGrid(image.nextRow)];
  let found = false;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      // The middle of the square; the first pixel's centre is half a pixel from the corner.
      const [u, v] = [(column + 0.5) * stride - 0.5, (row + 0.5) * stride - 0.5];
      const dose = doseAtGrid(
        grid,
        start[0] + u * right[0] + v * below[0],
        start[1] + u * right[1] + v * below[1],
        start[2] + u * right[2] + v * below[2],
      );
      if (Number.isNaN(dose)) continue;
      values[row * columns + column] = dose;
      found = true;
    }
  }
  return found ? { columns, rows, stride, values } : null;
}
