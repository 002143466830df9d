/** Column and row. */
type Point = readonly [number, number];

const samePlacePixels = 0.05;

/** Whether a drawing still is where the node keeps it; world coordinates round a little. */
export function isWhere(kept: readonly Point[], points: readonly Point[]): boolean {
  // Both ways: two ends that lie on one of the kept are not where both were.
  return kept.length === points.length && areAmong(points, kept) && areAmong(kept, points);
}

function areAmong(points: readonly Point[], others: readonly Point[]): boolean {
  return points.every(([x, y]) => others.some((other) => Math.hypot(other[0] - x, other[1] - y) < samePlacePixels));
}
