import { decimal } from "@/lib/format";

const longestPx = 120;

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
