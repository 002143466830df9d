export type Rgb = [number, number, number];

const d50White: Rgb = [0.9642, 1, 0.8251];
/** XYZ (D50) to linear sRGB, Bradford-adapted. */
const linearFromXyz: readonly Rgb[] = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
];

/**
 * Recommended Display CIELab Value as sRGB. L* is scaled from 0..100 and a*, b* from -128..127 to
 * the range of an unsigned short; the connection space is D50 (PS3.3 C.10.7.1.1).
 */
export function rgbFromDicomLab(lab: readonly number[]): Rgb | null {
  const [first, second, third] = lab;
  if (first === undefined || second === undefined || third === undefined) return null;
  const lightness = (first / 65535) * 100;
  const a = (second / 65535) * 255 - 128;
  const b = (third / 65535) * 255 - 128;
  const y = (lightness + 16) / 116;
  const xyz = [y + a / 500, y, y - b / 200].map(
    (value, axis) => (value > 6 / 29 ? value ** 3 : (value - 4 / 29) * 3 * (6 / 29) ** 2) * (d50White[axis] ?? 1),
  );
  return linearFromXyz.map((row) => {
    const linear = row.reduce((sum, factor, axis) => sum + factor * (xyz[axis] ?? 0), 0);
    const encoded = linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055;
    return Math.round(Math.min(1, Math.max(0, encoded)) * 255);
  }) as Rgb;
}

const palette: readonly Rgb[] = [
  [242, 184, 75],
  [92, 200, 214],
  [236, 112, 154],
  [140, 205, 98],
  [158, 140, 246],
  [240, 128, 80],
  [80, 160, 240],
  [214, 200, 90],
];

/** A colour for a segment that names none. */
export function paletteColor(segmentNumber: number): Rgb {
  return palette[(segmentNumber - 1 + palette.length) % palette.length] ?? [242, 184, 75];
}

/** As an input of type color has it: #f2b84b. */
export function hexOf(rgb: readonly number[]): string {
  return `#${rgb.slice(0, 3).map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

export function rgbOfHex(hex: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as Rgb;
}
