/** A segmentation brought from its own planes onto the images that it is shown over. */
import { dot, type Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";
import type { SegGrid } from "@/dicom/segmentation/segGrid";

export interface PixelPlane {
  /** The centre of the first pixel: LPS, mm. */
  origin: Vector;
  /** Along the normal of the grid, mm. */
  heightMm: number;
  pixels: ArrayLike<number>;
}

/** One segment with the pixels of its planes, the lowest first. */
export interface SegmentPlanes {
  planes: readonly PixelPlane[];
  /** What a pixel holds that is all of the segment: the greatest fraction. */
  most: number;
}

interface Box {
  from: [number, number];
  to: [number, number];
}

/**
 * Where a segment lies on an image, 1 for each of its pixels: of a binary one, the pixel whose centre is nearest decides;
 * of a fractional one, what is above 50 % by trilinear interpolation. Null where nothing of it is.
 */
export function segmentOnImage(grid: SegGrid, segment: SegmentPlanes, image: ImagePlane): Uint8Array | null {
  const box = boxOf(grid, segment, image);
  if (!box) return null;
  const isIn = grid.type === "FRACTIONAL" ? isMostlyAt : isNearestAt;
  const { origin, nextColumn, nextRow, columns, rows } = image;
  let out: Uint8Array | null = null;
  for (let row = box.from[1]; row <= box.to[1]; row += 1) {
    for (let column = box.from[0]; column <= box.to[0]; column += 1) {
      const point: Vector = [
        origin[0] + column * nextColumn[0] + row * nextRow[0],
        origin[1] + column * nextColumn[1] + row * nextRow[1],
        origin[2] + column * nextColumn[2] + row * nextRow[2],
      ];
      if (!isIn(grid, segment, point)) continue;
      out ??= new Uint8Array(columns * rows);
      out[row * columns + column] = 1;
    }
  }
  return out;
}

/** Pixels of the image that can be within the segment: its corners, seen along the normal of the image. */
function boxOf({ along, down, columns, rows, columnSpacingMm, rowSpacingMm, normal, reachMm }: SegGrid, { planes }: SegmentPlanes, image: ImagePlane): Box | null {
  const [lowest, highest] = [planes[0], planes.at(-1)];
  if (!lowest || !highest) return null;
  const across = crossOf(image.nextColumn, image.nextRow);
  const [columnMm2, rowMm2] = [dot(image.nextColumn, image.nextColumn), dot(image.nextRow, image.nextRow)];
  const [from, to]: [[number, number], [number, number]] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  let [below, above] = [false, false];
  for (const { origin, side } of [{ origin: lowest.origin, side: -1 }, { origin: highest.origin, side: 1 }]) {
    for (const [u, v] of [[-1, -1], [columns, -1], [-1, rows], [columns, rows]] as const) {
      const corner = [0, 1, 2].map(
        (axis) =>
          (origin[axis] ?? 0) - (image.origin[axis] ?? 0) +
          u * columnSpacingMm * (along[axis] ?? 0) + v * rowSpacingMm * (down[axis] ?? 0) + 2 * side * reachMm * (normal[axis] ?? 0),
      ) as Vector;
      if (dot(corner, across) >= 0) above = true;
      if (dot(corner, across) <= 0) below = true;
      const at = [dot(corner, image.nextColumn) / columnMm2, dot(corner, image.nextRow) / rowMm2] as const;
      for (const axis of [0, 1] as const) {
        from[axis] = Math.min(from[axis], at[axis]);
        to[axis] = Math.max(to[axis], at[axis]);
      }
    }
  }
  if (!above || !below) return null;
  const box: Box = {
    from: [Math.max(0, Math.floor(from[0])), Math.max(0, Math.floor(from[1]))],
    to: [Math.min(image.columns - 1, Math.ceil(to[0])), Math.min(image.rows - 1, Math.ceil(to[1]))],
  };
  return box.from[0] <= box.to[0] && box.from[1] <= box.to[1] ? box : null;
}

function crossOf(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

const rounding = 1e-6;

/** Index of the plane that lies nearest to a height. */
function nearestPlane(planes: readonly PixelPlane[], heightMm: number): number {
  let [below, above] = [0, planes.length - 1];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if ((planes[middle]?.heightMm ?? 0) <= heightMm) below = middle;
    else above = middle;
  }
  return Math.abs((planes[below]?.heightMm ?? 0) - heightMm) <= Math.abs((planes[above]?.heightMm ?? 0) - heightMm) ? below : above;
}

/** Column and row of a point on a plane, centres at whole numbers. */
function onPlane(grid: SegGrid, { origin }: PixelPlane, point: Vector): [number, number] {
  const [x, y, z] = [point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]];
  const { along, down } = grid;
  return [
    (x * along[0] + y * along[1] + z * along[2]) / grid.columnSpacingMm,
    (x * down[0] + y * down[1] + z * down[2]) / grid.rowSpacingMm,
  ];
}

function isNearestAt(grid: SegGrid, { planes }: SegmentPlanes, point: Vector): boolean {
  const height = dot(point, grid.normal);
  const plane = planes[nearestPlane(planes, height)];
  if (!plane || Math.abs(plane.heightMm - height) > grid.reachMm + rounding) return false;
  const [u, v] = onPlane(grid, plane, point).map(Math.round) as [number, number];
  return u >= 0 && v >= 0 && u < grid.columns && v < grid.rows && plane.pixels[v * grid.columns + u] !== 0;
}

function isMostlyAt(grid: SegGrid, { planes, most }: SegmentPlanes, point: Vector): boolean {
  const height = dot(point, grid.normal);
  const spacing = 2 * grid.reachMm;
  const nearest = nearestPlane(planes, height);
  const plane = planes[nearest];
  if (!plane || Math.abs(plane.heightMm - height) > spacing) return false;
  const other = planes[nearest + (height >= plane.heightMm ? 1 : -1)];
  const share = Math.abs(height - plane.heightMm) / spacing;
  const here = within(grid, plane, point);
  if (here === null) return false;
  // Beyond the last plane the last one holds for half the distance of two; a plane that was left out is empty.
  const isNext = other !== undefined && Math.abs(Math.abs(other.heightMm - plane.heightMm) - spacing) < spacing / 4;
  if (!other) return share <= 0.5 + rounding && here > most / 2;
  return here * (1 - share) + (isNext ? (within(grid, other, point) ?? 0) * share : 0) > most / 2;
}

/** The fraction at a place of a plane by bilinear interpolation; null outside of its pixels. */
function within(grid: SegGrid, plane: PixelPlane, point: Vector): number | null {
  const { columns, rows } = grid;
  const [u, v] = onPlane(grid, plane, point);
  if (u < -0.5 || v < -0.5 || u > columns - 0.5 || v > rows - 0.5) return null;
  const [i, j] = [clamped(u, columns), clamped(v, rows)];
  const [i0, j0] = [Math.floor(i), Math.floor(j)];
  const [i1, j1] = [Math.min(i0 + 1, columns - 1), Math.min(j0 + 1, rows - 1)];
  const [x, y] = [i - i0, j - j0];
  const at = (column: number, row: number) => plane.pixels[row * columns + column] ?? 0;
  return (at(i0, j0) * (1 - x) + at(i1, j0) * x) * (1 - y) + (at(i0, j1) * (1 - x) + at(i1, j1) * x) * y;
}

function clamped(value: number, count: number): number {
  return Math.min(count - 1, Math.max(0, value));
}
