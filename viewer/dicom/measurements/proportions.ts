/** Shapes where a pixel's height is not worth what its width is: points in units of which one down is worth `stretch` across. */

type Point = readonly [number, number];

/** Half the width and half the height of the circle around `center` through `end`. */
export function circleHalves([x, y]: Point, [endX, endY]: Point, stretch: number): [number, number] {
  const radius = Math.hypot(endX - x, (endY - y) * stretch);
  return [radius, radius / stretch];
}

/** How far from the outline of that circle a point lies; about so, where it is an ellipse. */
export function distanceFromCircle(center: Point, end: Point, point: Point, stretch: number): number {
  const [halfWidth, halfHeight] = circleHalves(center, end, stretch);
  if (halfWidth === 0) return Math.hypot(point[0] - center[0], point[1] - center[1]);
  const share = Math.hypot((point[0] - center[0]) / halfWidth, (point[1] - center[1]) / halfHeight);
  return Math.abs(share - 1) * Math.hypot(point[0] - center[0], point[1] - center[1]) / Math.max(share, 1e-6);
}

type Axes = readonly [Point, Point, Point, Point];

/** A long axis just drawn gets its short one: at a right angle through its middle, two thirds as long. */
export function withShortAxis([a, b]: readonly [Point, Point], stretch: number): Axes {
  const [p, q] = [scaled(a, stretch), scaled(b, stretch)];
  const along: Point = [q[0] - p[0], q[1] - p[1]];
  const at = (share: number): Point => unscaled([(p[0] + q[0]) / 2 - along[1] * share, (p[1] + q[1]) / 2 + along[0] * share], stretch);
  return [a, b, at(-1 / 3), at(1 / 3)];
}

/** Both axes after one end of `before` was moved to where it is in `after`: at a right angle again, their other halves as long as before. */
export function atRightAngle(before: Axes, after: Axes, moved: 0 | 1 | 2 | 3, stretch: number): Axes {
  const was = crossing(before.map((point) => scaled(point, stretch)));
  const [a, b, c, d] = after.map((point) => scaled(point, stretch));
  if (!was || !a || !b || !c || !d) return after;
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  if (length === 0) return after;
  const along: Point = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
  const across: Point = [-along[1], along[0]];
  const dot = (point: Point, axis: Point) => (point[0] - a[0]) * axis[0] + (point[1] - a[1]) * axis[1];
  // The end of the long axis that stays carries the short one.
  let foot = moved === 0 ? length - (was.length - was.foot) : was.foot;
  let [first, second] = [was.first, was.second];
  if (moved === 2) [foot, first] = [dot(c, along), dot(c, across)];
  if (moved === 3) [foot, second] = [dot(d, along), dot(d, across)];
  const at = (distance: number): Point =>
    unscaled([a[0] + along[0] * foot + across[0] * distance, a[1] + along[1] * foot + across[1] * distance], stretch);
  return [after[0], after[1], at(first), at(second)];
}

/** Where the second axis stands on the first, and how far its ends lie off it; null while the first has no length. */
function crossing([a, b, c, d]: readonly Point[]): { length: number; foot: number; first: number; second: number } | null {
  if (!a || !b || !c || !d) return null;
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  if (length === 0) return null;
  const along: Point = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
  const dot = (point: Point, axis: Point) => (point[0] - a[0]) * axis[0] + (point[1] - a[1]) * axis[1];
  const across: Point = [-along[1], along[0]];
  return { length, foot: (dot(c, along) + dot(d, along)) / 2, first: dot(c, across), second: dot(d, across) };
}

function scaled([x, y]: Point, stretch: number): Point {
  return [x, y * stretch];
}

function unscaled([x, y]: Point, stretch: number): Point {
  return [x, y / stretch];
}
