import { dot, imagePointOfLps, lpsOfPixel, nearestSlice, planeNormal, type Slice, type Vector } from "@/dicom/geometry";
import type { DicomJson } from "@/dicom/dicomweb";
import { add, agreement, followingIndex, sharesSpace, subtract, usualStepMm } from "@/dicom/linking";

/** As SVG writes it: x' = a x + c y + e, y' = b x + d y + f. */
type Matrix = readonly [number, number, number, number, number, number];

/** How far the same place lies apart in two stacks: along the normal of the second, and within its plane, mm. */
export interface StackOffset {
  /** Null where they are not to be linked. */
  alongMm: number | null;
  within: Vector;
}

/** A slice of another stack that shows a place, or the nearest to it. */
export interface GlassSlice {
  index: number;
  /** How far away it is, mm, where that is further than from one slice to the next; null where it shows the place. */
  beyondMm: number | null;
}

/**
 * The slice of `target` at a place of the patient on a slice of `source`: by position where both share a frame of
 * reference, tilted against each other or not; else by the distance scrolled, as linked stacks go. Null where neither says it.
 */
export function glassSlice(
  source: readonly Slice[],
  sourceIndex: number,
  lpsMm: Vector,
  target: readonly Slice[],
  { alongMm }: StackOffset,
): GlassSlice | null {
  const normal = target[0] && planeNormal(target[0].dataset);
  const slice = source[sourceIndex];
  const sign = agreement(source, target);
  if (!normal || !slice || sign === 0) return null;
  const isShared = sharesSpace(source, target);
  const along = isShared ? (alongMm ?? 0) : alongMm;
  if (along === null) return null;
  const index = isShared
    ? nearestSlice(target, add(lpsMm, scaled(normal, along)))
    : followingIndex(source, sourceIndex, target, along);
  const shownMm = index === null ? null : (target[index]?.positionMm ?? null);
  const placeMm = isShared ? dot(normal, lpsMm) : slice.positionMm === null ? null : sign * slice.positionMm;
  if (index === null || shownMm === null || placeMm === null) return null;
  const awayMm = Math.abs(placeMm + along - shownMm);
  return { index, beyondMm: awayMm > usualStepMm(target) ? awayMm : null };
}

/** Far apart for the sake of precision. */
const apart = 100;

/**
 * From the pixels of another image (the first one's corner at 0, 0) to the screen, where `onScreen` takes those of
 * the image that is shown there; seen along its normal. Null where a header does not say where its pixels lie.
 */
export function glassMatrix(shown: DicomJson, onScreen: Matrix, other: DicomJson, within: Vector): Matrix | null {
  const place = (column: number, row: number): [number, number] | null => {
    // `lpsOfPixel` counts from the first pixel's centre.
    const lps = lpsOfPixel(other, column - 0.5, row - 0.5);
    const point = lps && imagePointOfLps(shown, subtract(lps, within));
    if (!point) return null;
    const [a, b, c, d, e, f] = onScreen;
    return [a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f];
  };
  const [origin, along, down] = [place(0, 0), place(apart, 0), place(0, apart)];
  if (!origin || !along || !down) return null;
  return [
    (along[0] - origin[0]) / apart,
    (along[1] - origin[1]) / apart,
    (down[0] - origin[0]) / apart,
    (down[1] - origin[1]) / apart,
    origin[0],
    origin[1],
  ];
}

function scaled([x, y, z]: Vector, factor: number): Vector {
  return [factor * x, factor * y, factor * z];
}

/** Those that a place can be compared with, from a stack: other series in similar planes, those of other studies first. */
export function comparable<Stack extends { studyInstanceUid: string; seriesInstanceUid: string; order: { slices: readonly Slice[] } }>(
  source: Stack,
  stacks: readonly Stack[],
): Stack[] {
  const isComparable = (one: Stack) =>
    one.seriesInstanceUid !== source.seriesInstanceUid &&
    agreement(source.order.slices, one.order.slices) !== 0 &&
    one.order.slices.every(({ positionMm }) => positionMm !== null);
  const isOfOther = (one: Stack) => Number(one.studyInstanceUid !== source.studyInstanceUid);
  return stacks.filter(isComparable).toSorted((a, b) => isOfOther(b) - isOfOther(a));
}
