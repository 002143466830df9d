/**
 * Fills the slices between two that were drawn: shape-based interpolation (Raya and Udupa 1990). On
 * each slice the distance to the outline, positive within, is the mean of both, by how near they are.
 */
export function shapesBetween(
  first: ArrayLike<number>,
  last: ArrayLike<number>,
  columns: number,
  count: number,
): Uint8Array[] {
  const from = signedDistances(first, columns);
  const to = signedDistances(last, columns);
  return Array.from({ length: count }, (_, index) => {
    const share = (index + 1) / (count + 1);
    return Uint8Array.from(from, (distance, at) => {
      const mean = distance * (1 - share) + (to[at] ?? 0) * share;
      return mean > 0 ? 1 : 0;
    });
  });
}

const straight = 1;
const diagonal = Math.SQRT2;

/** City-like distances by two sweeps (chamfer), in pixels: positive within the shape. */
export function signedDistances(shape: ArrayLike<number>, columns: number): Float32Array {
  const within = distancesTo(shape, columns, 0);
  const without = distancesTo(shape, columns, 1);
  return Float32Array.from(within, (distance, at) => (shape[at] ? distance - 0.5 : 0.5 - (without[at] ?? 0)));
}

/** How far every pixel is from the nearest one that is (1) or is not (0) of the shape. */
function distancesTo(shape: ArrayLike<number>, columns: number, wanted: 0 | 1): Float32Array {
  const size = shape.length;
  const rows = Math.floor(size / columns);
  const far = columns + rows;
  const distances = Float32Array.from({ length: size }, (_, at) => (Boolean(shape[at]) === Boolean(wanted) ? 0 : far));
  const relax = (at: number, column: number, row: number, steps: readonly (readonly [number, number, number])[]) => {
    let least = distances[at] ?? far;
    for (const [right, down, length] of steps) {
      const otherColumn = column + right;
      const otherRow = row + down;
      if (otherColumn < 0 || otherColumn >= columns || otherRow < 0 || otherRow >= rows) continue;
      least = Math.min(least, (distances[otherRow * columns + otherColumn] ?? far) + length);
    }
    distances[at] = least;
  };
  const forward = [
    [-1, 0, straight],
    [-1, -1, diagonal],
    [0, -1, straight],
    [1, -1, diagonal],
  ] as const;
  const backward = forward.map(([right, down, length]) => [-right, -down, length] as const);
  for (let at = 0; at < size; at += 1) relax(at, at % columns, Math.floor(at / columns), forward);
  for (let at = size - 1; at >= 0; at -= 1) relax(at, at % columns, Math.floor(at / columns), backward);
  return distances;
}
