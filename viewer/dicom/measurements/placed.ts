import { isEmpty } from "./extent";
import type { Measurement, MeasuringKind } from "./measurement";
import { atRightAngle, circleHalves } from "./proportions";

/** Column and row. */
export type Place = readonly [number, number];

/** How many places make a shape: of a rectangle and an ellipse two corners, of a circle its centre and a point of its line. */
const counts: Record<Exclude<MeasuringKind, "freehand">, number> = {
  length: 2,
  bidirectional: 4,
  angle: 3,
  cobb: 4,
  lines: 4,
  ellipse: 2,
  circle: 2,
  rectangle: 2,
  probe: 1,
  arrow: 2,
  text: 1,
  vertebra: 1,
};

/** Null of a freehand line, which ends where a point is set again. */
export function placesOf(kind: MeasuringKind): number | null {
  return kind === "freehand" ? null : counts[kind];
}

export interface PlacedShape {
  points: [number, number][];
  isClosed: boolean;
}

/**
 * The shape that was placed point by point, in the node's order; null while points are missing. A
 * freehand line ends where a point is set again: closed upon its first, open upon its last. `stretch`: how
 * many times as high as wide a pixel is.
 */
export function shapeOfPlaces(kind: MeasuringKind, places: readonly Place[], stretch: number): PlacedShape | null {
  const count = placesOf(kind);
  if (count === null) return freehandOf(places);
  const [a, b, c, d] = places;
  if (places.length < count || !a) return null;
  const open = (points: readonly Place[]): PlacedShape => ({ points: points.map(([x, y]) => [x, y]), isClosed: false });
  if (kind === "rectangle" && b) return open([a, [b[0], a[1]], b, [a[0], b[1]]]);
  if (kind === "ellipse" && b) {
    const [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return open([[a[0], y], [b[0], y], [x, a[1]], [x, b[1]]]);
  }
  if (kind === "bidirectional" && b && c && d) return open(atRightAngle([a, b, c, d], [a, b, c, d], 2, stretch));
  return open(places.slice(0, count));
}

function freehandOf(places: readonly Place[]): PlacedShape | null {
  const [first] = places;
  const [last, before] = [places.at(-1), places.at(-2)];
  if (!first || !last || !before || places.length < 3) return null;
  const points = places.slice(0, -1).map(([x, y]): [number, number] => [x, y]);
  if (isSame(last, before)) return { points, isClosed: false };
  return isSame(last, first) && points.length > 2 ? { points, isClosed: true } : null;
}

function isSame(one: Place, other: Place): boolean {
  return Math.hypot(one[0] - other[0], one[1] - other[1]) < 0.5;
}

/** Of which kind, on which image, and what it is called. */
export type NewDrawing = Pick<Measurement, "kind" | "sopInstanceUid" | "frameNumber" | "label">;

/** A reader's own that is new; null where its points lie upon each other. */
export function newMeasurement(
  of: NewDrawing & Pick<Measurement, "trackingUid">,
  shape: PlacedShape,
): Measurement | null {
  const one: Measurement = { ...of, ...shape, measured: [], obstacle: null, savedAs: [], caveats: [], madeBy: null, takenOver: null };
  return isEmpty(one) ? null : one;
}

const sides = 48;

/** What is to be drawn of it so far: the line through its places, or its outline once they make one. */
export function outlineOf(kind: MeasuringKind, places: readonly Place[], stretch: number): Place[] {
  const shape = shapeOfPlaces(kind, places, stretch);
  const [a, b, c, d] = shape?.points ?? [];
  if (!a || !b) return [...places];
  if (kind === "rectangle" && c && d) return [a, b, c, d, a];
  if (kind === "circle") {
    const [halfWidth, halfHeight] = circleHalves(a, b, stretch);
    return around(a, halfWidth, halfHeight);
  }
  if (kind === "ellipse" && c && d) {
    return around([(a[0] + b[0]) / 2, a[1]], Math.abs(b[0] - a[0]) / 2, Math.abs(d[1] - c[1]) / 2);
  }
  return [...places];
}

function around([x, y]: Place, halfWidth: number, halfHeight: number): Place[] {
  return Array.from({ length: sides + 1 }, (_, index) => {
    const angle = (2 * Math.PI * index) / sides;
    return [x + halfWidth * Math.cos(angle), y + halfHeight * Math.sin(angle)];
  });
}
