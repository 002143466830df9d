import type { Calibration } from "./calibration";
import { shownScaleMm } from "./scale";

const alike = 0.01;

/**
 * How many mm of the patient a mm of the world is in which an image is drawn: others where it was calibrated by hand,
 * or by ultrasound regions. Null where no length holds for all of the image, or not for both directions alike.
 */
export function trueMmPerDrawnMm(calibration: Calibration, drawn: { rowSpacing: number; columnSpacing: number }): number | null {
  const spacing = shownScaleMm(calibration);
  if (!spacing) return null;
  const [down, across] = [spacing[0] / drawn.rowSpacing, spacing[1] / drawn.columnSpacing];
  return Math.abs(across - down) <= alike * Math.max(across, down) ? across : null;
}

/** An image that is nearer than this share of it has its true size: a screen is not measured better. */
const near = 0.002;

export function isTrueSize(mmPerPixel: number, screenMmPerPixel: number): boolean {
  return Math.abs(mmPerPixel / screenMmPerPixel - 1) < near;
}
