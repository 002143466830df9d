import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { isPlausible } from "./plausible";

const tag = {
  modality: "00080060",
  rows: "00280010",
  columns: "00280011",
  regions: "00186011",
  spatialFormat: "00186012",
  dataType: "00186014",
  flags: "00186016",
  minX: "00186018",
  minY: "0018601A",
  maxX: "0018601C",
  maxY: "0018601E",
} as const;

const directions = {
  x: { unit: "00186024", delta: "0018602C", pixel: "00186020", value: "00186028" },
  y: { unit: "00186026", delta: "0018602E", pixel: "00186022", value: "0018602A" },
} as const;

export type Obstacle =
  | "outside_regions"
  | "leaves_region"
  | "crosses_regions"
  | "overlapping_regions"
  | "region_beyond_image"
  | "region_without_units"
  | "region_implausible"
  | "shape_on_axes"
  | "pixels_not_square";

/**
 * One direction of a region. The value at a column or row coordinate c (the first pixel's centre lies
 * at 0.5) is `origin + perPixel * c`; `origin` is null where the region has no reference pixel.
 */
export interface Axis {
  /** UCUM. */
  unit: string;
  perPixel: number;
  origin: number | null;
}

/** An ultrasound region (PS3.3 C.8.5.5) by its outer edges, in pixels. */
export interface Region {
  left: number;
  top: number;
  right: number;
  bottom: number;
  isHighPriority: boolean;
  /** Null where that direction has no usable unit. */
  x: Axis | null;
  y: Axis | null;
  /** Why nothing in it can be measured. */
  obstacle: Obstacle | null;
}

/** PS3.3 C.8.5.5.1.15: the UCUM unit of each value, and the factor to it. */
const units: Partial<Record<number, readonly [string, number]>> = {
  1: ["%", 1],
  2: ["dB", 1],
  3: ["mm", 10],
  4: ["s", 1],
  5: ["Hz", 1],
  6: ["dB/s", 1],
  7: ["cm/s", 1],
  8: ["cm2", 1],
  9: ["cm2/s", 1],
  10: ["cm3", 1],
  11: ["cm3/s", 1],
  12: ["deg", 1],
};
/** C.8.5.5.1.1 and .2: what is drawn beside the image measures nothing. */
const graphics = 5;
const bars = new Set([0x0d, 0x0e]);
const lowPriority = 1;

/** Every region that says where it lies; those of a multi-frame image hold for all frames. */
export function regionsOf(header: DicomJson): Region[] {
  return itemsOf(header, tag.regions).flatMap((item) => regionOf(item, header) ?? []);
}

function regionOf(item: DicomJson, header: DicomJson): Region | null {
  const edge = (attribute: string) => numberOf(item, attribute) ?? NaN;
  const [left, top, right, bottom] = [edge(tag.minX), edge(tag.minY), edge(tag.maxX), edge(tag.maxY)];
  // Nothing is true of NaN.
  if (!(left <= right && top <= bottom)) return null;
  const x = axisOf(item, "x", left);
  const y = axisOf(item, "y", top);
  let obstacle: Obstacle | null = null;
  // The last column belongs to the region; some write the first one that does not.
  if (right > sizeOf(header, tag.columns) || bottom > sizeOf(header, tag.rows)) obstacle = "region_beyond_image";
  else if (isDecoration(item) || (!x && !y) || lacksStep(item)) obstacle = "region_without_units";
  else if (!hasPlausibleStep(x, header) || !hasPlausibleStep(y, header)) obstacle = "region_implausible";
  const isHighPriority = ((numberOf(item, tag.flags) ?? 0) & lowPriority) === 0;
  return { left, top, right: right + 1, bottom: bottom + 1, isHighPriority, x, y, obstacle };
}

/** Of lengths; there are no limits for the others. */
function hasPlausibleStep(axis: Axis | null, header: DicomJson): boolean {
  return axis?.unit !== "mm" || isPlausible(stringOf(header, tag.modality), [Math.abs(axis.perPixel)]);
}

function isDecoration(item: DicomJson): boolean {
  return numberOf(item, tag.spatialFormat) === graphics || bars.has(numberOf(item, tag.dataType) ?? 0);
}

/** Whether a direction has a unit and no step. */
function lacksStep(item: DicomJson): boolean {
  return Object.values(directions).some(
    ({ unit, delta }) => units[numberOf(item, unit) ?? 0] !== undefined && !numberOf(item, delta),
  );
}

function axisOf(item: DicomJson, name: keyof typeof directions, start: number): Axis | null {
  const direction = directions[name];
  const unit = units[numberOf(item, direction.unit) ?? 0];
  const delta = numberOf(item, direction.delta);
  if (!unit || !delta) return null;
  const [code, factor] = unit;
  // Counted from the region's first pixel, and it may lie outside (C.8.5.5.1).
  const pixel = numberOf(item, direction.pixel);
  const value = numberOf(item, direction.value);
  const origin = pixel === null || value === null ? null : factor * (value - (start + pixel + 0.5) * delta);
  return { unit: code, perPixel: factor * delta, origin };
}

function sizeOf(header: DicomJson, attribute: string): number {
  return numberOf(header, attribute) || Infinity;
}

function numberOf(item: DicomJson, attribute: string): number | null {
  return numbersOf(item, attribute)[0] ?? null;
}
