import { shownScaleMm } from "@/dicom/calibration/scale";
import { calibrationOf, type Calibration } from "@/dicom/calibration/calibration";
import type { LoadedSeries, ViewInfo } from "@/cornerstone";
import { decimal } from "@/shared/lib/format";

const longestPx = 120;

/** As SVG writes it, from the image's pixels to those of the screen. */
type Matrix = readonly [number, number, number, number, number, number];

const alike = 0.01;

/**
 * How many mm lie between two screen pixels, however the image is turned and zoomed; null where no
 * scale holds for all of the image, or the image is drawn with other proportions than it has: the
 * bar would be true in one direction alone.
 */
export function mmPerScreenPixel(calibration: Calibration, [a, b, c, d]: Matrix): number | null {
  const spacing = shownScaleMm(calibration);
  const determinant = a * d - b * c;
  if (!spacing || determinant === 0) return null;
  const [rowSpacing, columnSpacing] = spacing;
  const across = Math.hypot((d / determinant) * columnSpacing, (b / determinant) * rowSpacing);
  const down = Math.hypot((c / determinant) * columnSpacing, (a / determinant) * rowSpacing);
  return Math.abs(across - down) <= alike * Math.max(across, down) ? across : null;
}

/** mm of the patient in a pixel of the screen: of a cut, as it is drawn; of an image, by what its own pixels are worth. */
export function shownMmPerPixel(info: ViewInfo, series: LoadedSeries | null): number | null {
  if (!info.imageMatrix) return series?.order.hasPixelSpacing ? info.mmPerPixel : null;
  const slice = series?.order.slices[info.sliceNumber - 1];
  return slice ? mmPerScreenPixel(calibrationOf(slice.dataset), info.imageMatrix) : null;
}

/** The longest round length that fits: 1, 2 or 5 times a power of ten, in mm. */
export function scaleBar(
  mmPerPixel: number,
): { lengthMm: number; pixels: number; text: string } | null {
  if (!Number.isFinite(mmPerPixel) || mmPerPixel <= 0) return null;
  const most = longestPx * mmPerPixel;
  const power = 10 ** Math.floor(Math.log10(most));
  const lengthMm = ([5, 2].find((factor) => factor * power <= most) ?? 1) * power;
  const text = lengthMm >= 10 ? `${lengthMm / 10} cm` : `${decimal(Number(lengthMm.toPrecision(1)))} mm`;
  return { lengthMm, pixels: lengthMm / mmPerPixel, text };
}
