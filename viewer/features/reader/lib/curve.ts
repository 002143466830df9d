import { extentOf } from "@/shared/lib/extent";

/** The points of a polyline in a picture of this size; larger values lie higher. */
export function curveLine(
  points: readonly (readonly [number, number])[],
  size: { width: number; height: number; margin: number },
): string {
  const { width, height, margin } = size;
  const part = (value: number, [low, high]: [number, number]) => (high > low ? (value - low) / (high - low) : 0.5);
  const xs = extentOf(points.map(([x]) => x));
  const ys = extentOf(points.map(([, y]) => y));
  return points
    .map(([x, y]) => {
      const across = margin + part(x, xs) * (width - 2 * margin);
      const down = height - margin - part(y, ys) * (height - 2 * margin);
      return `${Number(across.toFixed(2))},${Number(down.toFixed(2))}`;
    })
    .join(" ");
}
