import { numbersOf, type DicomJson } from "@/dicom/dicomweb";
import { dot, lpsOfPixel, type Vector } from "@/dicom/geometry";

/** An image in the patient, as its header states it, or a plane that is drawn like one. */
export interface ImagePlane {
  /** The centre of its first pixel: LPS, mm. */
  origin: Vector;
  /** To the centre of the next pixel of the row, and of the column, mm. */
  nextColumn: Vector;
  nextRow: Vector;
  columns: number;
  rows: number;
}

/** Where an image lies in the patient; null where its header does not say. */
export function imagePlaneOf(dataset: DicomJson): ImagePlane | null {
  const [origin, right, below] = [lpsOfPixel(dataset, 0, 0), lpsOfPixel(dataset, 1, 0), lpsOfPixel(dataset, 0, 1)];
  const [rows, columns] = [numbersOf(dataset, "00280010")[0], numbersOf(dataset, "00280011")[0]];
  if (!origin || !right || !below || !rows || !columns) return null;
  return { origin, nextColumn: minus(right, origin), nextRow: minus(below, origin), columns, rows };
}

/** Column and row, 0.5, 0.5 in the middle of the first pixel, as in PS3.3 C.18.6.1.1. */
type Place = readonly [number, number];

/** Where a place on a plane lies in the patient. */
export function lpsOn({ origin, nextColumn, nextRow }: ImagePlane, [column, row]: Place): Vector {
  return [0, 1, 2].map(
    (axis) => (origin[axis] ?? 0) + (column - 0.5) * (nextColumn[axis] ?? 0) + (row - 0.5) * (nextRow[axis] ?? 0),
  ) as Vector;
}

/** Where on a plane a point of the patient is seen, along its normal. */
export function placeOn({ origin, nextColumn, nextRow }: ImagePlane, lps: Vector): [number, number] {
  const from = minus(lps, origin);
  return [dot(from, nextColumn) / dot(nextColumn, nextColumn) + 0.5, dot(from, nextRow) / dot(nextRow, nextRow) + 0.5];
}

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}
