import { dot, middleOf, planeNormal, type Slice, type Vector } from "@/dicom/geometry";
import { stringOf } from "@/dicom/dicomweb";
import { centerAndWidth, type WindowRange } from "@/dicom/windowing";

const frameOfReferenceUid = "00200052";
/** Planes tilted by more than some 25 degrees against each other are not scrolled together. */
const similarCosine = 0.9;

/** A series that is scrolled together with others. */
export type Stack = readonly Slice[];

/** The slice in which a series opens: the middle of what lies in space; the first of a film or of single pictures. */
export function openingIndex(stack: Stack): number {
  const middle = Math.floor(stack.length / 2);
  return stack[middle]?.positionMm === null ? 0 : middle;
}

function frameOfReference(stack: Stack): string {
  return stack[0] ? stringOf(stack[0].dataset, frameOfReferenceUid) : "";
}

/** 1 or -1 where two stacks lie in similar planes, by whether they run the same way; else 0. */
export function agreement(a: Stack, b: Stack): number {
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

/** Where a slice of `source` lies along the normal of `target`, mm, before any offset is added. */
function placeIn(source: Stack, sourceIndex: number, target: Stack): number | null {
  const slice = source[sourceIndex];
  const sign = agreement(source, target);
  if (!slice || sign === 0) return null;
  if (!sharesSpace(source, target)) return slice.positionMm === null ? null : sign * slice.positionMm;
  const point = middleOf(slice.dataset);
  const normal = target[0] && planeNormal(target[0].dataset);
  return point && normal ? dot(normal, point) : null;
}

/**
 * How far the places that two stacks show now lie apart, mm along the normal of the second. Without
 * a shared frame of reference it is measured when they are linked; with one it is what a person
 * has adjusted. Null when they cannot be linked.
 */
export function linkOffsetMm(a: Stack, aIndex: number, b: Stack, bIndex: number): number | null {
  const place = placeIn(a, aIndex, b);
  const shown = b[bIndex]?.positionMm ?? null;
  return place === null || shown === null ? null : shown - place;
}

/**
 * The slice of `target` that shows the place where `source` is: by the patient's space where both
 * share it, else by the distance scrolled since they were linked; `offsetMm` further on.
 */
export function followingIndex(
  source: Stack,
  sourceIndex: number,
  target: Stack,
  offsetMm: number | null,
): number | null {
  const place = placeIn(source, sourceIndex, target);
  const offset = offsetMm ?? (sharesSpace(source, target) ? 0 : null);
  if (place === null || offset === null) return null;
  let nearest: number | null = null;
  let least = Infinity;
  for (const [index, { positionMm }] of target.entries()) {
    if (positionMm === null) return null;
    const distance = Math.abs(positionMm - (place + offset));
    if (distance < least) {
      least = distance;
      nearest = index;
    }
  }
  return nearest;
}

/** Where no slices are to tell the distance between them. */
const singleSliceMm = 5;

/**
 * How far the nearest slice of `target` lies from the place where `source` is, mm, where that is further than from one of its
 * slices to the next: behind its end, or in a hole of it. Null where it shows the place.
 */
export function beyondMm(source: Stack, sourceIndex: number, target: Stack, offsetMm: number | null): number | null {
  const index = followingIndex(source, sourceIndex, target, offsetMm);
  const shown = index === null ? null : target[index]?.positionMm;
  const place = placeIn(source, sourceIndex, target);
  if (place === null || shown === null || shown === undefined) return null;
  const distance = Math.abs(place + (offsetMm ?? 0) - shown);
  return distance > usualStepMm(target) ? distance : null;
}

/** From one slice of a stack to the next, as most of them lie, mm. */
export function usualStepMm(stack: Stack): number {
  const places = [...new Set(stack.map(({ positionMm }) => positionMm ?? 0))].toSorted((a, b) => a - b);
  const steps = places.slice(1).map((place, index) => place - (places[index] ?? 0)).toSorted((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? singleSliceMm;
}

/** What a stack shows of its plane: LPS in mm. */
export interface PlaneView {
  /** The point in the middle of the viewport. */
  focalPoint: Vector;
  normal: Vector;
  /** Millimetres of a screen pixel, or image pixels where the header knows no spacing. */
  scale: number;
}

export function subtract(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function add(a: Vector, b: Vector): Vector {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

/** A distance without its part along a plane's normal. */
export function withinPlane(distance: Vector, normal: Vector): Vector {
  const along = dot(distance, normal);
  return subtract(distance, [along * normal[0], along * normal[1], along * normal[2]]);
}

const leastPanMm = 0.01;
const leastZoom = 1e-6;

/** Whether a view was zoomed or panned from one moment to the next; scrolling is neither. */
export function isMoved(before: PlaneView, now: PlaneView): boolean {
  const shift = withinPlane(subtract(now.focalPoint, before.focalPoint), now.normal);
  return Math.hypot(...shift) > leastPanMm || Math.abs(now.scale / before.scale - 1) > leastZoom;
}

/** How far a view must move within its plane to show the same place as another, mm. */
export function followingPan(source: PlaneView, target: PlaneView, offset: Vector): Vector {
  const wanted = add(source.focalPoint, offset);
  return withinPlane(subtract(wanted, target.focalPoint), target.normal);
}

/** Modalities whose values mean the same on every scanner (Hounsfield units). */
const calibrated = new Set(["CT"]);

/** A window of one series as it looks the same on another: as it is, or by what each opened with. */
export function windowFor(
  range: WindowRange,
  from: { modality: string; opening: WindowRange },
  to: { modality: string; opening: WindowRange },
): WindowRange | null {
  if (from.modality !== to.modality) return null;
  if (calibrated.has(from.modality)) return range;
  const width = from.opening.upper - from.opening.lower;
  if (width <= 0) return null;
  const factor = (to.opening.upper - to.opening.lower) / width;
  const moved = (value: number) => to.opening.lower + (value - from.opening.lower) * factor;
  return { lower: moved(range.lower), upper: moved(range.upper) };
}

const mostWidthRatio = 2;

/** Whether two windows are of one kind: a soft tissue window is like another, not like a lung window. */
export function isLikeWindow(one: WindowRange, other: WindowRange): boolean {
  const [a, b] = [centerAndWidth(one), centerAndWidth(other)];
  const wide = Math.max(a.width, b.width);
  return wide <= mostWidthRatio * Math.min(a.width, b.width) && Math.abs(a.center - b.center) <= wide / 2;
}
