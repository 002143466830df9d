/** Circles in reports of other systems. */
import type { Calibration } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { proportionsAt } from "@/dicom/calibration/scale";
import { inMillimetres, type Measurement, type Quantity } from "./measurement";

const square = 1e-3;

/** Some writers count pixels for an area, others its outline. */
const mostOff = 0.1;

/** What tells a circle in mm from one of pixels; a radius last, which only the first of them has. */
const telling = ["area", "perimeter", "radius"] as const;

/**
 * What the writer of a CIRCLE means by it. In the coordinates of an image it is one of pixels (PS3.3 C.18.6.1.2), an ellipse in the
 * patient where they are not square; many draw a circle in mm, and write its centre and a point of its line. The size that the
 * report states tells which. Where none does, it is what the standard says, and marked as unclear.
 */
export function circleAsMeant(one: Measurement, calibration: Calibration): Measurement {
  const [center, end] = one.points;
  if (one.kind !== "circle" || !center || !end) return one;
  const { column, row } = proportionsAt(calibration, center);
  if (Math.abs(row / column - 1) <= square) return one;
  const radius = Math.hypot(end[0] - center[0], end[1] - center[1]);
  const [x, y] = center;
  const level: Measurement["points"] = [[x - radius, y], [x + radius, y]];
  const upright: Measurement["points"] = [[x, y - radius], [x, y + radius]];
  // The longer axis in mm is first.
  const points = column >= row ? [...level, ...upright] : [...upright, ...level];
  const ofPixels: Measurement = { ...one, kind: "ellipse", points };
  const inMm = quantitiesOfShape("circle", one.points, calibration, false);
  const asEllipse = quantitiesOfShape("ellipse", points, calibration, false);
  if (!Array.isArray(inMm) || !Array.isArray(asEllipse)) return { ...ofPixels, isUnclear: true };
  const around: Quantity = { quantity: "perimeter", value: perimeterOf(radius * column, radius * row), unit: "mm" };
  for (const name of telling) {
    const stated = inMillimetres(one.measured.find(({ quantity }) => quantity === name));
    const far = (others: readonly Quantity[]) => {
      const other = others.find(({ quantity, unit }) => quantity === name && unit === stated?.unit);
      return stated && other && stated.value > 0 ? Math.abs(Math.log(stated.value / other.value)) : Infinity;
    };
    const [fromMm, fromPixels] = [far(inMm), far([...asEllipse, around])];
    if (Math.min(fromMm, fromPixels) <= mostOff) return fromMm <= fromPixels ? one : ofPixels;
  }
  return { ...ofPixels, isUnclear: true };
}

/** Of an ellipse of these half axes (Ramanujan). */
function perimeterOf(a: number, b: number): number {
  return Math.PI * (3 * (a + b) - Math.sqrt((3 * a + b) * (a + 3 * b)));
}
