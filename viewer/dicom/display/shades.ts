import { spreadOf, type Curve } from "@/dicom/display/voi";
import type { WindowRange } from "@/dicom/windowing";

export interface Look {
  /** Null for what is drawn without a window. */
  range: WindowRange | null;
  /** Brightness from 0 to 1 over the range; a straight line without. */
  curve: Curve | null;
  /** Whether low values are bright. */
  isInverted: boolean;
}

/** Pixels as they are seen through a window, RGBA; colours as they are. `components`: values of one pixel. */
export function shadesOf(values: ArrayLike<number>, count: number, components: number, look: Look): Uint8ClampedArray<ArrayBuffer> {
  const shades = new Uint8ClampedArray(4 * count);
  const { lower, upper } = look.range ? spreadOf(look.range, look.curve) : { lower: 0, upper: 255 };
  const { curve, isInverted } = look;
  const brightness = (value: number): number => {
    const share = Math.min(1, Math.max(0, (value - lower) / (upper - lower || 1)));
    const shown = curve ? (curve[Math.round(share * (curve.length - 1))] ?? share) : share;
    return 255 * (isInverted ? 1 - shown : shown);
  };
  for (let pixel = 0; pixel < count; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const value = values[pixel * components + (components >= 3 ? channel : 0)] ?? 0;
      shades[4 * pixel + channel] = components >= 3 ? (isInverted ? 255 - value : value) : brightness(value);
    }
    shades[4 * pixel + 3] = 255;
  }
  return shades;
}
