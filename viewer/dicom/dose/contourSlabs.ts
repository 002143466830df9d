/** What parallel contours of a structure stand for: slabs of its volume. */
import { cross, dot, type Vector } from "@/dicom/geometry";
import type { Roi } from "@/dicom/segmentation/structureSet";
import { extentOf } from "@/shared/lib/extent";

/** Planes nearer than this are one. */
const samePlaneMm = 0.05;
const flatMm = 0.5;
/** A gap so many times the usual one is stated: a contour was left out, or drawn farther apart. */
const unusualGap = 1.5;
/** One so wide parts a structure in two. */
const partingGap = 4.5;

/** The contours of one plane, and the slab that they stand for. */
export interface ContourSlab {
  /** Of the middle of the slab along the normal, which is not that of the contours where gaps differ. */
  heightMm: number;
  thicknessMm: number;
  /** Polygons, each as u, v of its corners; those within others are holes. */
  polygons: [number, number][][];
}

export interface ContourSlabs {
  /** Unit vectors: across the contours, and two along them. */
  normal: Vector;
  u: Vector;
  v: Vector;
  /** Ascending. */
  slabs: ContourSlab[];
  /** The widest distance of neighbouring contours, where it is much wider than usual: mm. */
  widestGapMm: number | null;
  /** Whether nothing is counted within the widest one, as between two parts. */
  isParted: boolean;
}

export type SlabObstacle = "no_contours" | "one_plane" | "not_parallel";

/**
 * The slabs of a structure. Each plane of contours stands for the slab half-way to its neighbours, the last ones for as much
 * outwards as inwards. `along` and `down` are directions that u and v are taken from.
 */
export function contourSlabs({ contours }: Pick<Roi, "contours">, along: Vector, down: Vector): ContourSlabs | SlabObstacle {
  const closed = contours.filter(({ isClosed, points }) => isClosed && points.length > 2).map(({ points }) => points);
  if (closed.length === 0) return "no_contours";
  const normal = normalOf(closed);
  if (!normal) return "not_parallel";
  const [u, v] = basisOf(normal, along, down);
  const placed = placedOf(closed, normal, u, v);
  return placed === "one_plane" ? placed : { normal, u, v, ...placed };
}

/** Of the largest contour, by Newell's rule; null where another does not lie flat along it. */
function normalOf(contours: readonly Vector[][]): Vector | null {
  let best: Vector = [0, 0, 0];
  for (const points of contours) {
    const area: Vector = [0, 0, 0];
    for (const [index, point] of points.entries()) {
      const next = points[(index + 1) % points.length] ?? point;
      const part = cross(point, next);
      for (const axis of [0, 1, 2] as const) area[axis] += part[axis];
    }
    if (dot(area, area) > dot(best, best)) best = area;
  }
  const length = Math.hypot(...best);
  if (length === 0) return null;
  const normal = best.map((part) => part / length) as Vector;
  const isFlat = contours.every((points) => {
    const heights = points.map((point) => dot(point, normal));
    const [least, most] = extentOf(heights);
    return most - least < flatMm;
  });
  return isFlat ? normal : null;
}

/** Two directions across the normal, along those of others where they can be. */
function basisOf(normal: Vector, along: Vector, down: Vector): [Vector, Vector] {
  const from = Math.abs(dot(along, normal)) < 0.9 ? along : down;
  const share = dot(from, normal);
  const across = from.map((part, axis) => part - share * (normal[axis] ?? 0)) as Vector;
  const length = Math.hypot(...across);
  const u = across.map((part) => part / length) as Vector;
  return [u, cross(normal, u)];
}

function placedOf(contours: readonly Vector[][], normal: Vector, u: Vector, v: Vector): Pick<ContourSlabs, "slabs" | "widestGapMm" | "isParted"> | "one_plane" {
  const placed = contours
    .map((points) => ({
      heightMm: points.reduce((sum, point) => sum + dot(point, normal), 0) / points.length,
      polygon: points.map((point): [number, number] => [dot(point, u), dot(point, v)]),
    }))
    .sort((a, b) => a.heightMm - b.heightMm);
  const planes: ContourSlab[] = [];
  for (const { heightMm, polygon } of placed) {
    const last = planes.at(-1);
    if (last && heightMm - last.heightMm < samePlaneMm) last.polygons.push(polygon);
    else planes.push({ heightMm, thicknessMm: 0, polygons: [polygon] });
  }
  const gaps = planes.slice(1).map(({ heightMm }, index) => heightMm - (planes[index]?.heightMm ?? 0));
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)];
  if (!usual) return "one_plane";
  const isParting = (gap: number) => gap > partingGap * usual;
  // Where a part ends, as much outwards as inwards.
  const reach = (gap: number | undefined, other: number | undefined) => {
    const [near] = [gap, other].filter((one) => one !== undefined && !isParting(one));
    return (near ?? usual) / 2;
  };
  for (const [index, plane] of planes.entries()) {
    const [below, above] = [reach(gaps[index - 1], gaps[index]), reach(gaps[index], gaps[index - 1])];
    plane.thicknessMm = below + above;
    // The middle of the slab, which is not that of the contours where gaps differ.
    plane.heightMm += (above - below) / 2;
  }
  const [, widest] = extentOf(gaps);
  return { slabs: planes, widestGapMm: widest > unusualGap * usual ? widest : null, isParted: isParting(widest) };
}
