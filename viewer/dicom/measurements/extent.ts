import type { Measurement, MeasuringKind } from "./measurement";

type Point = readonly [number, number];

/** Nearer than that, two points are one: nobody draws finer than a part of a pixel. */
const samePixels = 0.1;

/** Whether a drawing has a size at all: its ends do not lie on each other, and an area is none without width or height. */
export function hasExtent(kind: MeasuringKind, points: readonly Point[]): boolean {
  const [a, b, c, d] = points;
  switch (kind) {
    case "probe":
    case "text":
    case "vertebra":
      return a !== undefined;
    case "angle":
      return areApart(a, b) && areApart(b, c);
    case "bidirectional":
    case "cobb":
    case "lines":
    case "ellipse":
      return areApart(a, b) && areApart(c, d);
    case "rectangle":
      return areApart(a, b) && areApart(b, c);
    case "freehand":
      return points.some((point) => areApart(a, point));
    default:
      return areApart(a, b);
  }
}

/** A reader's own that says nothing; what others sent is shown as it is. */
export function isEmpty({ kind, points, madeBy }: Measurement): boolean {
  return madeBy === null && !hasExtent(kind, points);
}

function areApart(one: Point | undefined, other: Point | undefined): boolean {
  return one !== undefined && other !== undefined && Math.hypot(other[0] - one[0], other[1] - one[1]) >= samePixels;
}
