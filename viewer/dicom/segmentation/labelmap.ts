/** Where a segment lies on the planes of its label map. */
export interface SegmentExtent {
  /** Index of the first and last plane that show the segment. */
  firstPlane: number;
  lastPlane: number;
  /** The plane half way through the segment that shows it. */
  middlePlane: number;
  /** Mean column and row index on that plane (pixel centres count from 0). */
  column: number;
  row: number;
}

interface PlaneSum {
  plane: number;
  voxels: number;
  columns: number;
  rows: number;
}

/**
 * Finds every segment on planes of equal width. The adapters' own centroids divide by Rows where
 * Columns belongs and are wrong on matrices that are not square, so they are not used.
 */
export function segmentExtents(
  planes: readonly ArrayLike<number>[],
  columns: number,
): Map<number, SegmentExtent> {
  const sums = new Map<number, PlaneSum[]>();
  for (const [plane, values] of planes.entries()) {
    const onPlane = new Map<number, PlaneSum>();
    // Neighbours mostly share their segment; a lookup for each of millions of voxels is slow.
    let lastSegment = 0;
    let sum: PlaneSum | undefined;
    for (let index = 0; index < values.length; index += 1) {
      const segment = values[index];
      if (!segment) continue;
      if (segment !== lastSegment) {
        lastSegment = segment;
        sum = onPlane.get(segment);
      }
      if (!sum) {
        sum = { plane, voxels: 0, columns: 0, rows: 0 };
        onPlane.set(segment, sum);
        const onPlanes = sums.get(segment);
        if (onPlanes) onPlanes.push(sum);
        else sums.set(segment, [sum]);
      }
      sum.voxels += 1;
      sum.columns += index % columns;
      sum.rows += Math.floor(index / columns);
    }
  }
  const extents = new Map<number, SegmentExtent>();
  for (const [segment, onPlanes] of sums) {
    const first = onPlanes[0];
    const last = onPlanes.at(-1);
    const middle = onPlanes[Math.floor(onPlanes.length / 2)];
    if (!first || !last || !middle) continue;
    extents.set(segment, {
      firstPlane: first.plane,
      lastPlane: last.plane,
      middlePlane: middle.plane,
      column: middle.columns / middle.voxels,
      row: middle.rows / middle.voxels,
    });
  }
  return extents;
}
