/** Structures in a plane that cuts across their contours. */
import { cross, dot, type Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";
import type { ContourSlab, ContourSlabs } from "./contourSlabs";

/** A plane that is turned by less than this, as a sine, against the contours shows them as they are. */
const parallelSine = 0.01;
/** Bands of a slab that a plane cuts at a slant, as many as keep the steps below this, and no more than take time. */
const stepMm = 0.5;
const mostBands = 16;

interface Band {
  /** Heights along the normal of the contours, mm: where the band begins and ends. */
  from: number;
  to: number;
  /** Pairs of places along the line of the cut, mm, ascending. */
  intervals: number[];
}

/**
 * The outline of a structure where a plane cuts it, as the path of an SVG in pixels of the plane, the first one's corner at
 * 0, 0; "" where it does not. Across the contours each one is drawn as thick as the slab that it stands for: steps, not a
 * surface that nobody drew. A plane along the contours shows those of the slab that it lies in.
 */
export function sectionPath({ normal, u, v, slabs }: ContourSlabs, plane: ImagePlane): string {
  const corner = [0, 1, 2].map((axis) => (plane.origin[axis] ?? 0) - ((plane.nextColumn[axis] ?? 0) + (plane.nextRow[axis] ?? 0)) / 2) as Vector;
  const facing = unit(cross(plane.nextColumn, plane.nextRow));
  const across = cross(normal, facing);
  const sine = Math.hypot(...across);
  if (sine < parallelSine) return alongContours({ normal, u, v, slabs, corner, plane });
  // The line in which the plane meets the plane of a contour.
  const line = unit(across);
  const toScreen = screenOf(corner, plane);
  const bands: Band[] = [];
  const pieces = slabs.flatMap((slab) => bandsOf(slab, sine));
  const offset = dot(corner, facing);
  for (const { from, to, polygons } of pieces) {
    const at = pointOn(normal, facing, (from + to) / 2, offset);
    const start: [number, number] = [dot(at, u), dot(at, v)];
    const way: [number, number] = [dot(line, u), dot(line, v)];
    bands.push({ from, to, intervals: cutsOf(polygons, start, way) });
  }
  const place = (height: number, along: number) => {
    const base = pointOn(normal, facing, height, offset);
    return toScreen([base[0] + along * line[0], base[1] + along * line[1], base[2] + along * line[2]]);
  };
  return outlineOf(bands, place);
}

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector) || 1;
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}

/** A point of both planes: at a height along one normal, and at an offset along the other. */
function pointOn(normal: Vector, facing: Vector, height: number, offset: number): Vector {
  const c = dot(normal, facing);
  const scale = 1 - c * c;
  const [a, b] = [(height - c * offset) / scale, (offset - c * height) / scale];
  return [0, 1, 2].map((axis) => a * (normal[axis] ?? 0) + b * (facing[axis] ?? 0)) as Vector;
}

function screenOf(corner: Vector, { nextColumn, nextRow }: ImagePlane): (point: Vector) => string {
  const [wide, high] = [dot(nextColumn, nextColumn), dot(nextRow, nextRow)];
  return (point) => {
    const from: Vector = [point[0] - corner[0], point[1] - corner[1], point[2] - corner[2]];
    return `${(dot(from, nextColumn) / wide).toFixed(2)} ${(dot(from, nextRow) / high).toFixed(2)}`;
  };
}

interface Piece {
  from: number;
  to: number;
  polygons: ContourSlab["polygons"];
}

/** A slab as the plane cuts it: at right angles in one piece, at a slant in several, each with the line in its middle. */
function bandsOf({ heightMm, thicknessMm, polygons }: ContourSlab, sine: number): Piece[] {
  const shiftMm = (thicknessMm * Math.sqrt(Math.max(0, 1 - sine * sine))) / sine;
  const count = Math.max(1, Math.min(mostBands, Math.ceil(shiftMm / stepMm)));
  const start = heightMm - thicknessMm / 2;
  return Array.from({ length: count }, (_, index) => ({
    from: start + (index / count) * thicknessMm,
    to: start + ((index + 1) / count) * thicknessMm,
    polygons,
  }));
}

/** Where a line enters and leaves polygons, by even and odd, in lengths of its direction; ascending. */
function cutsOf(polygons: ContourSlab["polygons"], [x, y]: [number, number], [dx, dy]: [number, number]): number[] {
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const found: number[] = [];
  for (const points of polygons) {
    for (const [index, point] of points.entries()) {
      const next = points[(index + 1) % points.length] ?? point;
      const side = (of: [number, number]) => (of[0] - x) * uy - (of[1] - y) * ux;
      const [here, there] = [side(point), side(next)];
      if (here > 0 === there > 0) continue;
      const share = here / (here - there);
      const [px, py] = [point[0] + share * (next[0] - point[0]), point[1] + share * (next[1] - point[1])];
      found.push(((px - x) * ux + (py - y) * uy) / length);
    }
  }
  return found.sort((a, b) => a - b);
}

/** The outline of bands on top of each other: their sides, and what one has and its neighbour has not. */
function outlineOf(bands: readonly Band[], place: (height: number, along: number) => string): string {
  const parts: string[] = [];
  const level = (height: number, below: readonly number[], above: readonly number[]) => {
    // Where one of both is, and not the other.
    const ends = [...below, ...above].sort((a, b) => a - b);
    for (let at = 0; at + 1 < ends.length; at += 2) {
      const [from = 0, to = 0] = [ends[at], ends[at + 1]];
      if (to > from) parts.push(`M${place(height, from)}L${place(height, to)}`);
    }
  };
  for (const [index, { from, to, intervals }] of bands.entries()) {
    const before = bands[index - 1];
    const isOn = before !== undefined && from - before.to < 1e-6;
    if (before && !isOn) level(before.to, before.intervals, []);
    level(from, isOn ? before.intervals : [], intervals);
    for (const along of intervals) parts.push(`M${place(from, along)}L${place(to, along)}`);
  }
  const last = bands.at(-1);
  if (last) level(last.to, last.intervals, []);
  return parts.join("");
}

function alongContours({
  normal,
  u,
  v,
  slabs,
  corner,
  plane,
}: Pick<ContourSlabs, "normal" | "u" | "v" | "slabs"> & { corner: Vector; plane: ImagePlane }): string {
  const middle = [0, 1, 2].map(
    (axis) => (corner[axis] ?? 0) + ((plane.nextColumn[axis] ?? 0) * plane.columns + (plane.nextRow[axis] ?? 0) * plane.rows) / 2,
  ) as Vector;
  const height = dot(middle, normal);
  const slab = slabs.find(({ heightMm, thicknessMm }) => Math.abs(height - heightMm) <= thicknessMm / 2 + 1e-6);
  if (!slab) return "";
  const toScreen = screenOf(corner, plane);
  return slab.polygons
    .map((points) => {
      const places = points.map(([a, b]) =>
        toScreen([0, 1, 2].map((axis) => a * (u[axis] ?? 0) + b * (v[axis] ?? 0) + height * (normal[axis] ?? 0)) as Vector),
      );
      return `M${places.join("L")}Z`;
    })
    .join("");
}
