import { dot, middleOf, nearestSlice, planeNormal, type Slice } from "@/lib/geometry";
import { stringOf } from "@/lib/dicomweb";

const frameOfReferenceUid = "00200052";
/** Planes tilted by more than some 25 degrees against each other are not scrolled together. */
const similarCosine = 0.9;

/** A series that is scrolled together with others. */
export type Stack = readonly Slice[];

/** The slice in which a series opens: its middle. */
export function openingIndex(count: number): number {
  return Math.floor(count / 2);
}

function frameOfReference(stack: Stack): string {
  return stack[0] ? stringOf(stack[0].dataset, frameOfReferenceUid) : "";
}

/** 1 or -1 where two stacks lie in similar planes, by whether they run the same way; else 0. */
function agreement(a: Stack, b: Stack): number {
  const first = a[0] && planeNormal(a[0].dataset);
  const second = b[0] && planeNormal(b[0].dataset);
  if (!first || !second) return 0;
  const cosine = dot(first, second);
  return Math.abs(cosine) < similarCosine ? 0 : Math.sign(cosine);
}

/** Whether positions of one are positions of the other: they share a frame of reference. */
export function sharesSpace(a: Stack, b: Stack): boolean {
  return frameOfReference(a) !== "" && frameOfReference(a) === frameOfReference(b);
}

/**
 * How far the places that two stacks show now lie apart, mm along the planes' normal: kept while
 * they are linked, where they share no frame of reference. Null when they cannot be linked.
 */
export function linkOffsetMm(a: Stack, aIndex: number, b: Stack, bIndex: number): number | null {
  const sign = agreement(a, b);
  const from = a[aIndex]?.positionMm;
  const to = b[bIndex]?.positionMm;
  if (sign === 0 || from === null || from === undefined || to === null || to === undefined) {
    return null;
  }
  return to - sign * from;
}

/**
 * The slice of `target` that shows the place where `source` is: by the patient's space where both
 * share it, else by the distance scrolled since they were linked.
 */
export function followingIndex(
  source: Stack,
  sourceIndex: number,
  target: Stack,
  offsetMm: number | null,
): number | null {
  const slice = source[sourceIndex];
  const sign = agreement(source, target);
  if (!slice || sign === 0) return null;
  if (sharesSpace(source, target)) {
    const point = middleOf(slice.dataset);
    return point ? nearestSlice(target, point) : null;
  }
  if (offsetMm === null || slice.positionMm === null) return null;
  const wanted = sign * slice.positionMm + offsetMm;
  let nearest: number | null = null;
  let least = Infinity;
  for (const [index, { positionMm }] of target.entries()) {
    if (positionMm === null) return null;
    const distance = Math.abs(positionMm - wanted);
    if (distance < least) {
      least = distance;
      nearest = index;
    }
  }
  return nearest;
}
