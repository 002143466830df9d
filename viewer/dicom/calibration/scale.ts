import type { Calibration, Spacing } from "./calibration";
import type { Axis, Obstacle, Region } from "./ultrasound";

/** Column and row coordinate, as in PS3.3 C.18.6.1.1. */
export type Point = readonly [number, number];

/** A place where both directions are lengths. */
export interface PlaneScale {
  kind: "plane";
  row: number;
  column: number;
  unit: "mm" | "{pixels}";
}

/** A place where the directions are different quantities, such as time and velocity. */
export interface AxesScale {
  kind: "axes";
  x: Axis | null;
  y: Axis | null;
}

/** Why a drawing has no quantity on its image. */
export class NotMeasurable {
  constructor(readonly obstacle: Obstacle) {}
}

export type Scale = PlaneScale | AxesScale;

const same = 1e-3;

/** The scale that holds for all of the points. */
export function scaleAt(calibration: Calibration, points: readonly Point[]): Scale | NotMeasurable {
  if (calibration.regions.length > 0) {
    const region = regionAt(calibration.regions, points);
    return region instanceof NotMeasurable ? region : scaleOf(region);
  }
  if (calibration.spacingMm) {
    const [row, column] = calibration.spacingMm;
    return { kind: "plane", row, column, unit: "mm" };
  }
  if (!isAlike(calibration.aspect[0], calibration.aspect[1])) return new NotMeasurable("pixels_not_square");
  return { kind: "plane", row: 1, column: 1, unit: "{pixels}" };
}

/** The region's directions at a point where they are no lengths, as in a spectrum. */
export function axesAt(calibration: Calibration, point: Point): AxesScale | null {
  const scale = scaleAt(calibration, [point]);
  return !(scale instanceof NotMeasurable) && scale.kind === "axes" ? scale : null;
}

/** How wide and how high a pixel is there, in mm or else in proportion. */
export function proportionsAt(calibration: Calibration, point: Point): { column: number; row: number } {
  if (calibration.regions.length === 0) {
    const [row, column] = calibration.spacingMm ?? calibration.aspect;
    return { column, row };
  }
  const scale = scaleAt(calibration, [point]);
  return scale instanceof NotMeasurable || scale.kind === "axes" ? { column: 1, row: 1 } : scale;
}

/** Row and column spacing for a scale bar; null where one would not hold for all of the image. */
export function shownScaleMm(calibration: Calibration): Spacing | null {
  if (calibration.regions.length === 0) return calibration.spacingMm;
  const planes = calibration.regions
    .filter(({ obstacle }) => obstacle === null)
    .map(scaleOf)
    .filter((scale): scale is PlaneScale => scale.kind === "plane");
  const [first] = planes;
  if (!first || planes.some(({ row, column }) => !isAlike(row, first.row) || !isAlike(column, first.column))) return null;
  return [first.row, first.column];
}

function scaleOf({ x, y }: Region): Scale {
  if (x?.unit === "mm" && y?.unit === "mm") {
    return { kind: "plane", row: Math.abs(y.perPixel), column: Math.abs(x.perPixel), unit: "mm" };
  }
  return { kind: "axes", x, y };
}

function regionAt(regions: readonly Region[], points: readonly Point[]): Region | NotMeasurable {
  const around = regions.filter((region) => points.every((point) => holds(region, point)));
  if (around.length === 0) {
    const touched = points.map((point) => regions.some((region) => holds(region, point)));
    if (!touched.includes(true)) return new NotMeasurable("outside_regions");
    return new NotMeasurable(touched.includes(false) ? "leaves_region" : "crosses_regions");
  }
  // Of several, those that lie above the others (Region Flags, C.8.5.5.1.3).
  const high = around.filter(({ isHighPriority }) => isHighPriority);
  const top = high.length > 0 ? high : around;
  const [first] = top;
  if (!first) return new NotMeasurable("outside_regions");
  const met = regions.filter(
    (other) => !around.includes(other) && (other.isHighPriority || !first.isHighPriority) && isMet(other, points),
  );
  for (const region of [...top, ...met]) {
    // Which of two is drawn there, nothing says: one without a scale takes it from both.
    if (region.obstacle) return new NotMeasurable(region.obstacle);
    if (!isSame(first, region)) return new NotMeasurable("overlapping_regions");
  }
  return first;
}

/** Whether a point, or the straight line from one to the next, lies in the region. */
function isMet(region: Region, points: readonly Point[]): boolean {
  return points.some((point, index) => crosses(region, point, points[index + 1] ?? point));
}

function crosses({ left, top, right, bottom }: Region, [x0, y0]: Point, [x1, y1]: Point): boolean {
  if (Math.max(x0, x1) < left || Math.min(x0, x1) > right) return false;
  if (Math.max(y0, y1) < top || Math.min(y0, y1) > bottom) return false;
  // On which side of the line each corner of the region lies.
  const sides = [left, right].flatMap((x) => [top, bottom].map((y) => (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)));
  return Math.min(...sides) <= 0 && Math.max(...sides) >= 0;
}

function holds({ left, top, right, bottom }: Region, [column, row]: Point): boolean {
  return left <= column && column <= right && top <= row && row <= bottom;
}

function isSame(one: Region, other: Region): boolean {
  return (["x", "y"] as const).every((name) => {
    const [a, b] = [one[name], other[name]];
    if (!a || !b) return a === b;
    return a.unit === b.unit && isAlike(Math.abs(a.perPixel), Math.abs(b.perPixel));
  });
}

function isAlike(one: number, other: number): boolean {
  return Math.abs(one - other) <= same * Math.max(Math.abs(one), Math.abs(other));
}
