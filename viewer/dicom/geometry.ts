import { statedCalibrationOf, type Spacing } from "@/dicom/calibration/calibration";
import { numbersOf, type DicomJson } from "@/dicom/dicomweb";

export type Vector = [number, number, number];

const tag = {
  imagePosition: "00200032",
  imageOrientation: "00200037",
  rows: "00280010",
  columns: "00280011",
} as const;

export interface Slice {
  sopInstanceUid: string;
  frameNumber: number;
  /** The header of this very frame. */
  dataset: DicomJson;
  /** Distance along the normal of the image plane, mm; null when the header does not say. */
  positionMm: number | null;
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Three of the numbers of an attribute; null where they are not there. */
export function vector(numbers: readonly number[], from = 0): Vector | null {
  const [x, y, z] = numbers.slice(from, from + 3);
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}

/** Row cosine × column cosine of Image Orientation (Patient), PS3.3 C.7.6.2.1.1. */
export function planeNormal(dataset: DicomJson): Vector | null {
  const cosines = numbersOf(dataset, tag.imageOrientation);
  const row = vector(cosines, 0);
  const column = vector(cosines, 3);
  return row && column ? cross(row, column) : null;
}

/** Whether the header says how the image lies in the patient; without that no letter is shown. */
export function hasOrientation(dataset: DicomJson): boolean {
  return numbersOf(dataset, tag.imageOrientation).length === 6;
}

/** Row spacing, then column spacing, in mm (PS3.3 10.7.1.3); null where the whole frame has none. */
export function pixelSpacingOf(dataset: DicomJson): Spacing | null {
  return statedCalibrationOf(dataset).spacingMm;
}

/**
 * The point in the patient of a pixel's centre, indices from 0 (PS3.3 Equation C.7.6.2.1-1): a step
 * along the row is a column's width. Cornerstone's imageToWorldCoords swaps the two spacings.
 */
export function lpsOfPixel(dataset: DicomJson, column: number, row: number): Vector | null {
  const origin = vector(numbersOf(dataset, tag.imagePosition));
  const cosines = numbersOf(dataset, tag.imageOrientation);
  const along = vector(cosines, 0);
  const down = vector(cosines, 3);
  const spacing = pixelSpacingOf(dataset);
  if (!origin || !along || !down || !spacing) return null;
  const [rowSpacing, columnSpacing] = spacing;
  return [0, 1, 2].map(
    (axis) =>
      (origin[axis] ?? 0) +
      (along[axis] ?? 0) * columnSpacing * column +
      (down[axis] ?? 0) * rowSpacing * row,
  ) as Vector;
}

/**
 * Where a point of the patient is seen on an image: column and row, the first pixel's centre at 0.5, 0.5.
 * Its distance from the plane is lost.
 */
export function imagePointOfLps(dataset: DicomJson, point: Vector): [number, number] | null {
  const origin = vector(numbersOf(dataset, tag.imagePosition));
  const cosines = numbersOf(dataset, tag.imageOrientation);
  const along = vector(cosines, 0);
  const down = vector(cosines, 3);
  const spacing = pixelSpacingOf(dataset);
  if (!origin || !along || !down || !spacing) return null;
  const [rowSpacing, columnSpacing] = spacing;
  const from: Vector = [point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]];
  return [dot(from, along) / columnSpacing + 0.5, dot(from, down) / rowSpacing + 0.5];
}

/** The middle of an image plane, LPS in mm. */
export function middleOf(dataset: DicomJson): Vector | null {
  const [rows = 0] = numbersOf(dataset, tag.rows);
  const [columns = 0] = numbersOf(dataset, tag.columns);
  return lpsOfPixel(dataset, (columns - 1) / 2, (rows - 1) / 2);
}

/** The index of the slice nearest to a point, or null when the slices have no positions. */
export function nearestSlice(slices: readonly Slice[], point: Vector): number | null {
  const normal = slices[0] && planeNormal(slices[0].dataset);
  if (!normal) return null;
  const at = dot(normal, point);
  let nearest: number | null = null;
  let least = Infinity;
  for (const [index, { positionMm }] of slices.entries()) {
    if (positionMm === null) return null;
    const distance = Math.abs(positionMm - at);
    if (distance < least) {
      least = distance;
      nearest = index;
    }
  }
  return nearest;
}

const axisLetters: readonly [string, string][] = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
];
const obliqueShare = 0.2;

/**
 * The letters of a direction in LPS, strongest first: "L", "PH"… A component counts when it is
 * more than a fifth of the direction, so a head tilted by a few degrees stays one letter.
 */
export function directionLetters(direction: Vector): string {
  const length = Math.hypot(...direction);
  if (length === 0) return "";
  return direction
    .map((component, axis) => ({ share: component / length, letters: axisLetters[axis] }))
    .filter(({ share }) => Math.abs(share) > obliqueShare)
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .map(({ share, letters }) => (letters ? letters[share > 0 ? 0 : 1] : ""))
    .join("");
}

export interface EdgeLetters {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

/** Points of a plane in two coordinates of its own, mm: distances and angles are those in the patient. */
export function inPlane(normal: Vector, points: readonly Vector[]): [number, number][] {
  const [x, y, z] = normal.map(Math.abs) as Vector;
  // Any direction of the plane does; one far from the normal gives it exactly.
  const apart: Vector = x <= y && x <= z ? [1, 0, 0] : y <= z ? [0, 1, 0] : [0, 0, 1];
  const first = unit(cross(normal, apart));
  const second = unit(cross(normal, first));
  return points.map((point) => [dot(point, first), dot(point, second)]);
}

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector) || 1;
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}

function negate([x, y, z]: Vector): Vector {
  return [-x, -y, -z];
}

/** Letters of the four edges of a view, from its directions to the right and down the screen. */
export function edgeLetters(right: Vector, down: Vector): EdgeLetters {
  return {
    top: directionLetters(negate(down)),
    right: directionLetters(right),
    bottom: directionLetters(down),
    left: directionLetters(negate(right)),
  };
}

/** Instance Number of an image; null where the header is not read or states none. */
export function imageNumberOf(dataset: DicomJson | undefined): number | null {
  return (dataset && numbersOf(dataset, "00200013")[0]) ?? null;
}
