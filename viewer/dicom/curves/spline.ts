/** A smooth curve through points of the patient. */
import type { Vector } from "@/dicom/geometry";

export interface Spline {
  /** Parameter at each point: the length of the straight lines to it, mm. */
  knots: readonly number[];
  pointAt(parameter: number): Vector;
  /** Not of unit length. */
  tangentAt(parameter: number): Vector;
}

/** Points nearer to the one before are the same point, mm. */
const same = 1e-3;

export function isSamePoint(a: Vector, b: Vector): boolean {
  return distance(a, b) < same;
}

export function distance(a: Vector, b: Vector): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
}

/**
 * The natural cubic spline through points over the length of their chords: its curvature changes without a
 * jump, and is nothing at its ends. Two points make a line. Null of fewer than two places.
 */
export function splineThrough(given: readonly Vector[]): Spline | null {
  const points = given.filter((point, at) => at === 0 || !isSamePoint(point, given[at - 1] ?? point));
  if (points.length < 2) return null;
  const knots = [0];
  for (let at = 1; at < points.length; at += 1) {
    const [before, point] = [points[at - 1], points[at]];
    if (before && point) knots.push((knots[at - 1] ?? 0) + distance(before, point));
  }
  const axes = [0, 1, 2].map((axis) => {
    const values = points.map((point) => point[axis] ?? 0);
    return { values, bends: secondDerivatives(knots, values) };
  });
  /** Of each axis: the value, or how fast it changes. */
  const evaluate = (parameter: number, changes: boolean): Vector => {
    const at = segmentOf(knots, parameter);
    const [from, to] = [knots[at] ?? 0, knots[at + 1] ?? 0];
    const width = to - from;
    const [a, b] = [(to - parameter) / width, (parameter - from) / width];
    return axes.map(({ values, bends }) => {
      const [low = 0, high = 0, lowBend = 0, highBend = 0] = [values[at], values[at + 1], bends[at], bends[at + 1]];
      if (changes) return (high - low) / width + (width / 6) * ((3 * b * b - 1) * highBend - (3 * a * a - 1) * lowBend);
      return a * low + b * high + ((width * width) / 6) * ((a * a * a - a) * lowBend + (b * b * b - b) * highBend);
    }) as Vector;
  };
  return { knots, pointAt: (parameter) => evaluate(parameter, false), tangentAt: (parameter) => evaluate(parameter, true) };
}

/** The segment that a parameter lies in; the first and the last reach beyond their ends. */
function segmentOf(knots: readonly number[], parameter: number): number {
  let [low, high] = [0, knots.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((knots[middle] ?? 0) > parameter) high = middle;
    else low = middle;
  }
  return low;
}

/** Second derivatives at the knots, 0 at both ends: a tridiagonal system, solved by elimination. */
function secondDerivatives(knots: readonly number[], values: readonly number[]): number[] {
  const count = knots.length;
  const bends = new Array<number>(count).fill(0);
  const [factors, rests] = [new Array<number>(count).fill(0), new Array<number>(count).fill(0)];
  const [knot, value] = [(at: number) => knots[at] ?? 0, (at: number) => values[at] ?? 0];
  for (let at = 1; at < count - 1; at += 1) {
    const [before, after] = [knot(at) - knot(at - 1), knot(at + 1) - knot(at)];
    const wanted = 6 * ((value(at + 1) - value(at)) / after - (value(at) - value(at - 1)) / before);
    const pivot = 2 * (before + after) - before * (factors[at - 1] ?? 0);
    factors[at] = after / pivot;
    rests[at] = (wanted - before * (rests[at - 1] ?? 0)) / pivot;
  }
  for (let at = count - 2; at > 0; at -= 1) bends[at] = (rests[at] ?? 0) - (factors[at] ?? 0) * (bends[at + 1] ?? 0);
  return bends;
}
