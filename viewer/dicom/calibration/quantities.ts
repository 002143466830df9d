import type { MeasuringKind, Quantity } from "@/dicom/measurements/measurement";
import type { Calibration } from "./calibration";
import { circleHalves } from "@/dicom/measurements/proportions";
import { axesAt, NotMeasurable, proportionsAt, scaleAt, type AxesScale, type PlaneScale, type Point } from "./scale";
import type { Axis } from "./ultrasound";

const named: Partial<Record<string, string>> = { s: "time", mm: "distance", "cm/s": "velocity", Hz: "frequency" };

/**
 * What follows from a shape alone: lengths in mm, areas in mm2, angles in degrees, in the order in
 * which the node saves them (inference/annotations/drawing.py). A line over an M-mode or a spectrum
 * gives the difference along each axis, a point there its values.
 */
export function quantitiesOfShape(
  kind: MeasuringKind,
  points: readonly Point[],
  calibration: Calibration,
  isClosed: boolean,
): Quantity[] | NotMeasurable {
  const [first] = points;
  if (kind === "arrow" || kind === "text" || kind === "vertebra" || !first) return [];
  if (kind === "probe") {
    const axes = axesAt(calibration, first);
    return axes ? valuesAt(axes, first) : [];
  }
  if (kind === "length") {
    const scale = scaleAt(calibration, points);
    if (!(scale instanceof NotMeasurable) && scale.kind === "axes") return differences(scale, points);
  }
  const plane = planeScale(kind, points, calibration);
  if (plane instanceof NotMeasurable) return plane;
  const mm = points.map(([column, row]): Point => [column * plane.column, row * plane.row]);
  return ofShape(kind, mm, isClosed, plane.unit);
}

function ofShape(kind: MeasuringKind, mm: readonly Point[], isClosed: boolean, unit: string): Quantity[] {
  const at = (index: number): Point => mm[index] ?? [0, 0];
  const length = (quantity: string, value: number): Quantity => ({ quantity, value, unit });
  const area = (value: number): Quantity => ({ quantity: "area", value, unit: `${unit}2` });
  const angle = (value: number): Quantity => ({ quantity: "angle", value, unit: "deg" });
  const distances = mm.slice(1).map((point, index) => distance(at(index), point));
  const [d0 = 0, , d2 = 0] = distances;
  switch (kind) {
    case "length":
      return [length("length", d0)];
    case "bidirectional":
      return [length("long_axis", Math.max(d0, d2)), length("short_axis", Math.min(d0, d2))];
    case "angle":
      return [angle(between(minus(at(0), at(1)), minus(at(2), at(1))))];
    case "cobb":
    case "lines": {
      const found = between(minus(at(1), at(0)), minus(at(3), at(2)));
      return [angle(kind === "cobb" ? Math.min(found, 180 - found) : found)];
    }
    case "circle":
      return [area(Math.PI * d0 ** 2), length("radius", d0), length("perimeter", 2 * Math.PI * d0)];
    case "ellipse": {
      // Its axes may be at right angles in pixels and not in mm: conjugate diameters.
      const [a, b] = [minus(at(1), at(0)), minus(at(3), at(2))];
      return [area((Math.PI / 4) * Math.abs(a[0] * b[1] - a[1] * b[0]))];
    }
    case "rectangle":
    case "freehand": {
      if (kind === "freehand" && !isClosed) return [length("length", sum(distances))];
      const around = sum(distances) + distance(at(mm.length - 1), at(0));
      return [area(enclosed(mm)), length("perimeter", around)];
    }
    default:
      return [];
  }
}

function planeScale(
  kind: MeasuringKind,
  points: readonly Point[],
  calibration: Calibration,
): PlaneScale | NotMeasurable {
  const isAngle = kind === "angle" || kind === "cobb" || kind === "lines";
  if (isAngle && calibration.regions.length === 0) {
    // A pixel's size does not matter, its proportions do.
    const [row, column] = calibration.aspect;
    return { kind: "plane", row, column, unit: "{pixels}" };
  }
  const scale = scaleAt(calibration, extent(kind, points, calibration));
  return scale instanceof NotMeasurable || scale.kind === "plane" ? scale : new NotMeasurable("shape_on_axes");
}

/** Points that a region must hold so that it holds all of the shape. */
function extent(kind: MeasuringKind, points: readonly Point[], calibration: Calibration): readonly Point[] {
  const [a, b, c, d] = points;
  if (kind === "circle" && a && b) {
    const { column, row } = proportionsAt(calibration, a);
    const [halfWidth, halfHeight] = circleHalves(a, b, row / column);
    return [[a[0] - halfWidth, a[1] - halfHeight], [a[0] + halfWidth, a[1] + halfHeight]];
  }
  if (kind === "ellipse" && a && b && c && d) {
    const [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const halfWidth = Math.hypot(b[0] - a[0], d[0] - c[0]) / 2;
    const halfHeight = Math.hypot(b[1] - a[1], d[1] - c[1]) / 2;
    return [[x - halfWidth, y - halfHeight], [x + halfWidth, y + halfHeight]];
  }
  return points;
}

function differences({ x, y }: AxesScale, points: readonly Point[]): Quantity[] {
  const [from = [0, 0], to = [0, 0]] = points;
  return [x, y].flatMap((axis, index) => {
    const pixels = (to[index] ?? 0) - (from[index] ?? 0);
    return axis ? [{ quantity: nameOf(axis), value: Math.abs(pixels * axis.perPixel), unit: axis.unit }] : [];
  });
}

function valuesAt({ x, y }: AxesScale, point: Point): Quantity[] {
  return [x, y].flatMap((axis, index) =>
    axis && axis.origin !== null
      ? [{ quantity: nameOf(axis), value: axis.origin + (point[index] ?? 0) * axis.perPixel, unit: axis.unit }]
      : [],
  );
}

function nameOf({ unit }: Axis): string {
  return named[unit] ?? "difference";
}

function minus(one: Point, other: Point): Point {
  return [one[0] - other[0], one[1] - other[1]];
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

/** The angle of two directions in degrees; 0 while one of them has no length. */
function between(one: Point, other: Point): number {
  const lengths = Math.hypot(...one) * Math.hypot(...other);
  if (lengths === 0) return 0;
  const cosine = (one[0] * other[0] + one[1] * other[1]) / lengths;
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The area of a polygon by the shoelace formula. */
function enclosed(mm: readonly Point[]): number {
  const twice = mm.reduce((total, [x, y], index) => {
    const [nextX, nextY] = mm[(index + 1) % mm.length] ?? [0, 0];
    return total + x * nextY - nextX * y;
  }, 0);
  return Math.abs(twice) / 2;
}
