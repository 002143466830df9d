import type { Types } from "@cornerstonejs/core";
import type { Types as ToolTypes } from "@cornerstonejs/tools";
import { isStatistic, type Measurement, type Quantity } from "@/dicom/measurements/measurement";
import { isPadding, type Statistics } from "@/dicom/measurements/pixelsWithin";
import type { MeasuringTool } from "@/cornerstone/runtime";
import { realWorldValue, type RealWorldMap } from "@/dicom/display/realWorld";
import { mayBeMapped } from "@/dicom/display/values";
import type { WindowRange } from "@/dicom/windowing";

/**
 * How Cornerstone keeps the points of each shape, and how the node does (api/annotations/measurements.py):
 * alike, but that a rectangle's corners go around for the node and crosswise here.
 */
const crosswise = [0, 1, 3, 2];

export function pointsForNode(kind: MeasuringTool, data: ToolTypes.AnnotationData): Types.Point3[] {
  if (kind === "freehand") return thinned(data.contour?.polyline ?? []);
  const points = data.handles?.points ?? [];
  // Cornerstone gives a text a second point, which says nothing.
  if (kind === "text" || kind === "vertebra") return points.slice(0, 1);
  // And a circle whose line was dragged, three more.
  if (kind === "circle") return points.slice(0, 2);
  return kind === "rectangle" ? crossed(points) : points;
}

function crossed(points: Types.Point3[]): Types.Point3[] {
  return crosswise.flatMap((index) => (points[index] ? [points[index]] : []));
}

/** The node takes 5,000 points; a line drawn for minutes has more. */
const mostPoints = 5000;

function thinned(points: Types.Point3[]): Types.Point3[] {
  const step = Math.ceil(points.length / mostPoints);
  return step <= 1 ? points : points.filter((_, index) => index % step === 0);
}

/** The annotation's data of a measurement that the node kept, its points in the patient. */
export function dataOf(
  { kind, isClosed, label, points: onImage, measured }: Pick<Measurement, "kind" | "isClosed" | "label" | "points" | "measured">,
  points: Types.Point3[],
  targetId: string,
): ToolTypes.AnnotationData {
  const stats = statsOf(kind, measured);
  const cachedStats = stats ? { [targetId]: stats } : {};
  const textBox = {
    hasMoved: false,
    worldPosition: [0, 0, 0] as Types.Point3,
    worldBoundingBox: {
      topLeft: [0, 0, 0] as Types.Point3,
      topRight: [0, 0, 0] as Types.Point3,
      bottomLeft: [0, 0, 0] as Types.Point3,
      bottomRight: [0, 0, 0] as Types.Point3,
    },
  };
  if (kind === "freehand") {
    return {
      label,
      cachedStats,
      contour: { polyline: points, closed: isClosed },
      handles: { points: isClosed ? [] : ends(points), activeHandleIndex: null, textBox },
    };
  }
  const handles =
    kind === "rectangle" ? crossed(points) : kind === "ellipse" ? uprightFirst(points, onImage) : points;
  return {
    label,
    cachedStats,
    handles: {
      points: handles,
      activeHandleIndex: null,
      textBox,
      ...(kind === "arrow" ? { arrowFirst: true } : {}),
    },
  };
}

/** Cornerstone wants an ellipse's points as bottom, top, left, right; the node's longer axis is first. */
function uprightFirst(points: Types.Point3[], onImage: readonly [number, number][]): Types.Point3[] {
  const order = [0, 1, 2, 3].flatMap((index) => {
    const [column, row] = onImage[index] ?? [];
    const point = points[index];
    return point && column !== undefined && row !== undefined ? [{ point, column, row }] : [];
  });
  const [a, b, c, d] = order;
  if (!a || !b || !c || !d) return points;
  const rise = (one: { row: number }, other: { row: number }) => Math.abs(one.row - other.row);
  const [upright, level] = rise(a, b) >= rise(c, d) ? [[a, b], [c, d]] : [[c, d], [a, b]];
  return [
    ...[...upright].sort((one, other) => other.row - one.row),
    ...[...level].sort((one, other) => one.column - other.column),
  ].map(({ point }) => point);
}

function ends(points: Types.Point3[]): Types.Point3[] {
  const last = points.at(-1);
  return points[0] && last ? [points[0], last] : [];
}

type Stats = Record<string, unknown> & { kept?: Quantity[] };

/** Shapes whose statistics rest on pixels: what the node kept of them holds until they change. */
const ofPixels: ReadonlySet<MeasuringTool> = new Set(["ellipse", "circle", "rectangle", "freehand"]);

/**
 * What the node kept of a shape, so that Cornerstone computes it only once it changes: it takes a unit
 * for the sign that it has done so. Null where it shall compute.
 */
export function statsOf(kind: MeasuringTool, measured: readonly Quantity[]): Stats | null {
  if (!ofPixels.has(kind) || !measured.some(isStatistic)) return null;
  return { unit: "kept", areaUnit: "kept", area: 0, kept: measured.filter(isStatistic) };
}

/**
 * The values of an annotation's pixels, as Cornerstone computed them on the image that it was drawn
 * on, in `unit` (UCUM). `pixel` is the image's own value under a probe: Cornerstone finds it on the
 * first image of a stack alone. What follows from the shape, `quantitiesOfShape` tells.
 */
export function statisticsOf(
  kind: MeasuringTool,
  data: ToolTypes.AnnotationData,
  unit: string,
  suvFactor: number | null,
  pixel: number | null = null,
  padding: Padding = { ranges: [], statistics: () => null },
  realWorld: RealWorldMap | null = null,
): Quantity[] {
  const computed = (Object.values(data.cachedStats ?? {})[0] ?? {}) as Stats;
  if (computed.kept) return computed.kept;
  const stats = padding.isOutdated || reaches(computed, padding.ranges) ? { ...computed, ...(padding.statistics() ?? nothing) } : computed;
  const ends = [stats.min, stats.max, pixel ?? stats.value].filter((one) => typeof one === "number");
  const isMapped = realWorld !== null && mayBeMapped(unit) && ends.every((one) => realWorldValue(realWorld, one) !== null);
  const map = isMapped ? realWorld : null;
  const found: Quantity[] = [];
  const take = (quantity: string, value: unknown) => {
    if (typeof value !== "number" || !Number.isFinite(value)) return;
    if (suvFactor !== null) found.push({ quantity, value: value * suvFactor, unit: "g/ml{SUVbw}" });
    else found.push(map ? mapped(map, quantity, value) : { quantity, value, unit });
  };
  if (kind === "ellipse" || kind === "circle" || kind === "rectangle" || kind === "freehand") {
    take("mean", stats.mean);
    take("standard_deviation", stats.stdDev);
    take("minimum", stats.min);
    take("maximum", stats.max);
  }
  // Without a unit it has not been on the screen yet: what the node kept of it holds.
  if (kind === "probe" && stats.modalityUnit !== undefined) {
    const value = pixel ?? stats.value;
    if (!(typeof value === "number" && isPadding(value, padding.ranges))) take("value", value);
  }
  return found;
}

/** A statistic of pixels as what they stand for; a standard deviation knows no intercept. */
function mapped({ slope, intercept, unit, label }: RealWorldMap, quantity: string, value: number): Quantity {
  const real = quantity === "standard_deviation" ? Math.abs(slope) * value : slope * value + intercept;
  return { quantity, value: real, unit, of: label };
}

/** Values that were never measured, and what a shape has without them; null where nothing is left. */
export interface Padding {
  ranges: readonly WindowRange[];
  /** Whether Cornerstone's statistics may be of other values than those of the image. */
  isOutdated?: boolean;
  statistics: () => Statistics | null;
}

const nothing = { mean: undefined, stdDev: undefined, min: undefined, max: undefined };

/** Whether pixels of a shape, by their least and greatest value, may be padding. */
function reaches({ min, max }: Stats, ranges: readonly WindowRange[]): boolean {
  return typeof min === "number" && typeof max === "number" && ranges.some(({ lower, upper }) => min <= upper && max >= lower);
}
