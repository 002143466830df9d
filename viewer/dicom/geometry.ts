import { calibrationOf, type Spacing } from "@/dicom/calibration/calibration";
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { fixed, number } from "@/shared/lib/format";
import { framesIn, frameHeaders, mostFrames } from "@/dicom/frameHeader";
import { secondAxisOf, type SecondAxis } from "@/dicom/secondAxis";
import { text } from "@/shared/i18n";

export type Vector = [number, number, number];

const tag = {
  sopInstanceUid: "00080018",
  instanceNumber: "00200013",
  imagePosition: "00200032",
  frameOfReference: "00200052",
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

export interface SliceOrder {
  slices: Slice[];
  /** Shown to the reader when the order is not by position in space. */
  notice: string;
  /** Why these slices are no stack of one matrix and even distances; empty when they are. */
  stackRefusal: string;
  /** Why no volume can be made of these slices, whose slices lie straight above each other; empty when one can. */
  volumeRefusal: string;
  hasPixelSpacing: boolean;
  /** Several images of each place; null for one of each. */
  axis: SecondAxis | null;
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function vector(numbers: number[], from = 0): Vector | null {
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

const parallelCosine = 0.9999;
const relativeSpacingTolerance = 0.02;
const relativePixelTolerance = 1e-3;
const samePlaceMm = 1e-3;
/** From the first slice to the last. */
const mostPixelsAside = 1;

/**
 * Orders the frames of a series by Image Position (Patient) projected on the normal, never by the
 * order in which they came. Without positions, by Instance Number, and says so; frames of one image
 * that share a position (phases, echoes) keep the order in which it stores them.
 */
export function orderSlices(datasets: readonly DicomJson[]): SliceOrder {
  const order = orderedSlices(datasets);
  const excessive = datasets.filter((dataset) => framesIn(dataset) > mostFrames).length;
  if (excessive === 0) return order;
  const notice = text().refusals.images.tooManyFrames(excessive, number(mostFrames));
  return { ...order, notice: order.notice ? `${notice} ${order.notice}` : notice };
}

function orderedSlices(datasets: readonly DicomJson[]): SliceOrder {
  const t = text().refusals.images;
  const slices = datasets.flatMap(framesOf);
  const first = slices[0];
  const hasPixelSpacing = slices.every(({ dataset }) => pixelSpacingOf(dataset) !== null);
  if (!first) {
    return { slices, notice: "", stackRefusal: t.none, volumeRefusal: t.none, hasPixelSpacing, axis: null };
  }
  const normal = planeNormal(first.dataset);
  const parallel =
    normal !== null &&
    slices.every((slice) => {
      const other = planeNormal(slice.dataset);
      return other !== null && dot(normal, other) > parallelCosine;
    });
  for (const slice of slices) {
    const position = vector(numbersOf(slice.dataset, tag.imagePosition));
    slice.positionMm = normal && parallel && position ? dot(normal, position) : null;
  }
  const isMultiFrame = slices.length > new Set(slices.map((slice) => slice.sopInstanceUid)).size;
  if (slices.some((slice) => slice.positionMm === null)) {
    slices.sort(byInstanceNumber);
    const oriented = slices.every((slice) => hasOrientation(slice.dataset));
    const cause = (!oriented ? t.noOrientation : parallel ? t.noPosition : t.notParallel)(isMultiFrame);
    const refusal = t.noVolume(cause);
    return {
      slices,
      notice: slices.length > 1 && !isMultiFrame ? t.byNumber(cause) : "",
      stackRefusal: refusal,
      volumeRefusal: refusal,
      hasPixelSpacing,
      axis: null,
    };
  }
  slices.sort(byPosition);
  const stackRefusal = refuseStack(slices, hasPixelSpacing);
  const volumeRefusal = stackRefusal || refuseFrames(slices) || refuseSheared(slices);
  const order = { notice: "", stackRefusal, volumeRefusal, hasPixelSpacing };
  const placed = secondAxisOf(slices, samePlaceMm);
  if (placed) return { ...order, slices: placed.slices, axis: placed.axis };
  if (isMultiFrame && slices.some((slice, index) => isSamePlace(slice, slices[index + 1]))) {
    slices.sort(byInstanceNumber);
  }
  return { ...order, slices, axis: null };
}

function framesOf(dataset: DicomJson): Slice[] {
  const sopInstanceUid = stringOf(dataset, tag.sopInstanceUid);
  const hasPixels = numbersOf(dataset, tag.rows).length > 0;
  if (!sopInstanceUid || !hasPixels) return [];
  return frameHeaders(dataset).map((header, index) => ({
    sopInstanceUid,
    frameNumber: index + 1,
    dataset: header,
    positionMm: null,
  }));
}

function byPosition(a: Slice, b: Slice): number {
  return (a.positionMm ?? 0) - (b.positionMm ?? 0) || byInstanceNumber(a, b);
}

function isSamePlace(slice: Slice, next: Slice | undefined): boolean {
  return Math.abs((next?.positionMm ?? Infinity) - (slice.positionMm ?? 0)) < samePlaceMm;
}

function byInstanceNumber(a: Slice, b: Slice): number {
  const first = numbersOf(a.dataset, tag.instanceNumber)[0] ?? 0;
  const second = numbersOf(b.dataset, tag.instanceNumber)[0] ?? 0;
  return (
    first - second ||
    a.sopInstanceUid.localeCompare(b.sopInstanceUid) ||
    a.frameNumber - b.frameNumber
  );
}

function refuseStack(slices: readonly Slice[], hasPixelSpacing: boolean): string {
  const t = text().refusals.images;
  if (slices.length < 3) return t.tooFew;
  if (!hasPixelSpacing) return t.noSpacing;
  const shapes = new Set(
    slices.map(
      ({ dataset }) => `${numbersOf(dataset, tag.rows)[0]}x${numbersOf(dataset, tag.columns)[0]}`,
    ),
  );
  if (shapes.size > 1) return t.matrix;
  // Planes are parallel where an image is turned within its own, too.
  const rowOf = ({ dataset }: Slice) => vector(numbersOf(dataset, tag.imageOrientation));
  const [row] = slices.map(rowOf);
  const isTurned = slices.some((slice) => dot(rowOf(slice) ?? [0, 0, 0], row ?? [0, 0, 0]) < parallelCosine);
  if (isTurned) return t.turned;
  const spacings = slices.map(({ dataset }) => pixelSpacingOf(dataset) ?? [0, 0]);
  const [[down, across] = [0, 0]] = spacings;
  const other = spacings.find(([rows, columns]) => !isAlike(rows, down) || !isAlike(columns, across));
  if (other) return t.spacings(`${fixed(down, 3)} × ${fixed(across, 3)}`, `${fixed(other[0], 3)} × ${fixed(other[1], 3)}`);
  const positions = slices.map((slice) => slice.positionMm ?? 0);
  const gaps = positions.slice(1).map((position, index) => position - (positions[index] ?? 0));
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  if (usual <= 0) return t.samePlace;
  for (const [index, gap] of gaps.entries()) {
    if (Math.abs(gap - usual) > usual * relativeSpacingTolerance) {
      return t.gap(index + 1, fixed(gap, 1), fixed(usual, 1));
    }
  }
  return "";
}

function isAlike(one: number, other: number): boolean {
  return Math.abs(one - other) <= other * relativePixelTolerance;
}

/** Positions of several frames of reference cannot be compared (PS3.3 C.7.4.1.1.1). */
function refuseFrames(slices: readonly Slice[]): string {
  const frames = new Set(slices.map(({ dataset }) => stringOf(dataset, tag.frameOfReference)));
  return frames.size > 1 ? text().refusals.images.frames(frames.size) : "";
}

/** A gantry that is tilted shifts each slice against the one below it: a box of them is another patient's shape. */
function refuseSheared(slices: readonly Slice[]): string {
  const [first] = slices;
  const origin = first && vector(numbersOf(first.dataset, tag.imagePosition));
  const normal = first && planeNormal(first.dataset);
  const spacing = first && pixelSpacingOf(first.dataset);
  if (!origin || !normal || !spacing) return "";
  let farthestMm = 0;
  for (const { dataset } of slices) {
    const position = vector(numbersOf(dataset, tag.imagePosition)) ?? origin;
    const from: Vector = [position[0] - origin[0], position[1] - origin[1], position[2] - origin[2]];
    const heightMm = dot(from, normal);
    const aside = from.map((mm, axis) => mm - heightMm * (normal[axis] ?? 0)) as Vector;
    farthestMm = Math.max(farthestMm, Math.hypot(...aside));
  }
  if (farthestMm <= mostPixelsAside * Math.min(...spacing)) return "";
  return text().refusals.images.sheared(fixed(farthestMm, 1));
}

/** Whether the header says how the image lies in the patient; without that no letter is shown. */
export function hasOrientation(dataset: DicomJson): boolean {
  return numbersOf(dataset, tag.imageOrientation).length === 6;
}

/** Row spacing, then column spacing, in mm (PS3.3 10.7.1.3); null where the whole frame has none. */
export function pixelSpacingOf(dataset: DicomJson): Spacing | null {
  return calibrationOf(dataset).spacingMm;
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
