/** The frames of a series in order, and what keeps them from being a stack or a volume. */
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { framesIn, frameHeaders, mostFrames } from "@/dicom/frameHeader";
import { dot, hasOrientation, pixelSpacingOf, planeNormal, vector, type Slice, type Vector } from "@/dicom/geometry";
import { secondAxisOf, type SecondAxis } from "@/dicom/secondAxis";
import { text } from "@/shared/i18n";
import { groupedBy } from "@/shared/lib/groups";
import { fixed, number } from "@/shared/lib/format";

const tag = {
  sopInstanceUid: "00080018",
  instanceNumber: "00200013",
  imagePosition: "00200032",
  imageOrientation: "00200037",
  frameOfReference: "00200052",
  rows: "00280010",
  columns: "00280011",
} as const;

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

const parallelCosine = 0.9999;
const relativeSpacingTolerance = 0.02;
const relativePixelTolerance = 1e-3;
/** A distance that is so many times the usual one may hold a slice that did not come. */
const holeFrom = 1.5;
/** Fewer distances than these have no usual one. */
const leastSteps = 4;
/** More of them than this share is how the series was planned, as with thin slices through the posterior fossa. */
const mostHolesShare = 0.1;
const samePlaceMm = 1e-3;
/** From the first slice to the last. */
const mostPixelsAside = 1;

/**
 * Orders the frames of a series by Image Position (Patient) projected on the normal, never by the
 * order in which they came. Without positions, by Instance Number, and says so; several images of the
 * same places follow each other, and frames of one that share a position (phases, echoes) keep the
 * order in which it stores them.
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
  const order = { notice: holesIn(slices), stackRefusal, volumeRefusal, hasPixelSpacing };
  const placed = secondAxisOf(slices, samePlaceMm);
  if (placed) return { ...order, slices: placed.slices, axis: placed.axis };
  if (isMultiFrame && slices.some((slice, index) => isSamePlace(slice, slices[index + 1]))) {
    return { ...order, slices: instanceByInstance(slices), axis: null };
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

/** Instances by their number, and the frames of each by position where each has a place of its own. */
function instanceByInstance(byPlace: readonly Slice[]): Slice[] {
  const instances = [...groupedBy(byPlace, ({ sopInstanceUid }) => sopInstanceUid).values()];
  const sharesPlaces = (frames: readonly Slice[]) => frames.some((slice, index) => isSamePlace(slice, frames[index + 1]));
  return instances
    .toSorted(([one], [other]) => (one && other ? byInstanceNumber(one, other) : 0))
    .flatMap((frames) => (sharesPlaces(frames) ? frames.toSorted(byInstanceNumber) : frames));
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

/** Where slices of a stack may be missing: a reader who scrolls would pass over the place unawares. */
function holesIn(slices: readonly Slice[]): string {
  const gaps = slices.slice(1).map((slice, index) => (slice.positionMm ?? 0) - (slices[index]?.positionMm ?? 0));
  const steps = gaps.filter((gap) => gap > samePlaceMm).toSorted((a, b) => a - b);
  const usual = steps[Math.floor((steps.length - 1) / 2)] ?? 0;
  const holes = gaps.flatMap((gap, index) => (gap > holeFrom * usual ? [index] : []));
  const [first] = holes;
  if (first === undefined || steps.length < leastSteps || holes.length > Math.max(1, mostHolesShare * steps.length)) return "";
  return text().refusals.images.holes(first + 1, fixed(gaps[first] ?? 0, 1), fixed(usual, 1), holes.length - 1);
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
