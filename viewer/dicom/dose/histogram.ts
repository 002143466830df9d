/** Dose–volume histograms, worked out of contours and a grid of doses. */
import { cross, dot, type Vector } from "@/dicom/geometry";
import type { Roi } from "@/dicom/structureSet";
import { doseAt, type DoseGrid } from "./doseGrid";
import { extentOf } from "@/shared/lib/extent";

export interface DoseHistogram {
  /** Of the contours, whether or not the grid reaches them: ml. */
  volumeMl: number;
  /** How much of it lies outside of the grid and is in no other number here, 0 to 1. */
  outsideShare: number;
  /** The widest distance of neighbouring contours, where it is much wider than usual: mm. */
  widestGapMm: number | null;
  /** Whether nothing is counted within the widest one, as between two parts. */
  isParted: boolean;
  /** In the unit of the grid. */
  least: number;
  mean: number;
  most: number;
  /** Width of a bin of the cumulative histogram. */
  binWidth: number;
  /** The share of the volume that gets at least the dose of a bin's lower end, 1 down to 0. */
  atLeast: Float64Array;
}

/** Why there is none. */
export type HistogramObstacle = "no_contours" | "one_plane" | "not_parallel" | "other_frame" | "outside";

const bins = 4096;
/** Planes nearer than this are one. */
const samePlaneMm = 0.05;
const flatMm = 0.5;
/** A gap so many times the usual one is stated: a contour was left out, or drawn farther apart. */
const unusualGap = 1.5;
/** One so wide parts a structure in two. */
const partingGap = 4.5;
const mostSamples = 4_000_000;

interface ContourPlane {
  heightMm: number;
  thicknessMm: number;
  /** Polygons, each as u, v of its corners. */
  polygons: [number, number][][];
}

/**
 * The histogram of a structure. Each plane of contours stands for the slab half-way to its neighbours, the last ones for as
 * much outwards as inwards; contours within each other are holes (the rule of even and odd). Doses are interpolated within the slab.
 */
export function histogramOf(roi: Roi, grid: DoseGrid): DoseHistogram | HistogramObstacle {
  if (roi.frameOfReferenceUid && grid.frameOfReferenceUid && roi.frameOfReferenceUid !== grid.frameOfReferenceUid) {
    return "other_frame";
  }
  const closed = roi.contours.filter(({ isClosed, points }) => isClosed && points.length > 2).map(({ points }) => points);
  if (closed.length === 0) return "no_contours";
  const normal = normalOf(closed);
  if (!normal) return "not_parallel";
  const [u, v] = basisOf(normal, grid);
  const placed = planesOf(closed, normal, u, v);
  if (typeof placed === "string") return placed;
  const { planes, widestGapMm, isParted } = placed;
  const stepMm = stepFor(planes, grid);
  const counts = new Float64Array(bins + 1);
  const binWidth = grid.most > 0 ? grid.most / bins : 1;
  let [volume, inside, sum, least, most] = [0, 0, 0, Infinity, -Infinity];
  for (const { heightMm, thicknessMm, polygons } of planes) {
    const layers = Math.max(1, Math.min(5, Math.ceil(thicknessMm / 1.5)));
    forEachSample(polygons, stepMm, (atU, atV, area) => {
      const part = (area * thicknessMm) / layers;
      for (let layer = 0; layer < layers; layer += 1) {
        const height = heightMm + ((layer + 0.5) / layers - 0.5) * thicknessMm;
        const dose = doseAt(grid, [
          atU * u[0] + atV * v[0] + height * normal[0],
          atU * u[1] + atV * v[1] + height * normal[1],
          atU * u[2] + atV * v[2] + height * normal[2],
        ]);
        volume += part;
        if (Number.isNaN(dose)) continue;
        inside += part;
        sum += part * dose;
        least = Math.min(least, dose);
        most = Math.max(most, dose);
        const bin = Math.max(0, Math.min(bins, Math.floor(dose / binWidth)));
        counts[bin] = (counts[bin] ?? 0) + part;
      }
    });
  }
  if (inside === 0) return "outside";
  const atLeast = new Float64Array(bins + 2);
  for (let bin = bins; bin >= 0; bin -= 1) atLeast[bin] = (atLeast[bin + 1] ?? 0) + (counts[bin] ?? 0) / inside;
  return { volumeMl: volume / 1000, outsideShare: 1 - inside / volume, widestGapMm, isParted, least, mean: sum / inside, most, binWidth, atLeast };
}

/** The dose that so much of the volume gets at least, 0 to 1: D95 for 0.95. */
export function doseOfShare({ atLeast, binWidth, least, most }: DoseHistogram, share: number): number {
  let bin = 0;
  while (bin + 1 < atLeast.length && (atLeast[bin + 1] ?? 0) >= share) bin += 1;
  const [here = 0, next = 0] = [atLeast[bin], atLeast[bin + 1]];
  const part = here > next ? (here - share) / (here - next) : 0;
  return Math.max(least, Math.min(most, (bin + part) * binWidth));
}

/** How much of the volume gets at least this dose, 0 to 1: V20. */
export function shareAtDose({ atLeast, binWidth }: DoseHistogram, dose: number): number {
  const place = Math.max(0, dose / binWidth);
  const bin = Math.min(atLeast.length - 1, Math.floor(place));
  const [here = 0, next = 0] = [atLeast[bin], atLeast[bin + 1]];
  return here + (next - here) * Math.min(1, place - bin);
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

/** Two directions across the normal, along the grid's own where they can be. */
function basisOf(normal: Vector, { along, down }: DoseGrid): [Vector, Vector] {
  const from = Math.abs(dot(along, normal)) < 0.9 ? along : down;
  const share = dot(from, normal);
  const across = from.map((part, axis) => part - share * (normal[axis] ?? 0)) as Vector;
  const length = Math.hypot(...across);
  const u = across.map((part) => part / length) as Vector;
  return [u, cross(normal, u)];
}

interface PlacedPlanes {
  planes: ContourPlane[];
  widestGapMm: number | null;
  isParted: boolean;
}

function planesOf(contours: readonly Vector[][], normal: Vector, u: Vector, v: Vector): PlacedPlanes | HistogramObstacle {
  const placed = contours
    .map((points) => ({
      heightMm: points.reduce((sum, point) => sum + dot(point, normal), 0) / points.length,
      polygon: points.map((point): [number, number] => [dot(point, u), dot(point, v)]),
    }))
    .sort((a, b) => a.heightMm - b.heightMm);
  const planes: ContourPlane[] = [];
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
  return { planes, widestGapMm: widest > unusualGap * usual ? widest : null, isParted: isParting(widest) };
}

/** Between samples: finer than the grid and than a hundredth of the structure, as far as time allows. */
function stepFor(planes: readonly ContourPlane[], { columnSpacingMm, rowSpacingMm }: DoseGrid): number {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { polygons } of planes) {
    for (const [x, y] of polygons.flat()) {
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    }
  }
  const [width, height] = [right - left, bottom - top];
  const wanted = Math.max(0.1, Math.min(columnSpacingMm / 2, rowSpacingMm / 2, Math.max(width, height) / 100));
  return Math.max(wanted, Math.sqrt((width * height * planes.length) / mostSamples));
}

/** Points within the polygons by even and odd, each with the area that it stands for, mm². */
function forEachSample(polygons: readonly [number, number][][], stepMm: number, sample: (u: number, v: number, area: number) => void): void {
  const heights = polygons.flat().map(([, y]) => y);
  const [top, bottom] = extentOf(heights);
  const lines = Math.max(1, Math.ceil((bottom - top) / stepMm));
  const apart = (bottom - top) / lines;
  for (let line = 0; line < lines; line += 1) {
    const v = top + (line + 0.5) * apart;
    const crossings = polygons.flatMap((points) => crossingsOf(points, v)).sort((a, b) => a - b);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const [from = 0, to = 0] = [crossings[pair], crossings[pair + 1]];
      const count = Math.max(1, Math.ceil((to - from) / stepMm));
      const width = (to - from) / count;
      for (let index = 0; index < count; index += 1) sample(from + (index + 0.5) * width, v, width * apart);
    }
  }
}

function crossingsOf(points: readonly [number, number][], v: number): number[] {
  const found: number[] = [];
  for (const [index, [x, y]] of points.entries()) {
    const [nextX, nextY] = points[(index + 1) % points.length] ?? [x, y];
    if (y > v !== nextY > v) found.push(x + ((v - y) * (nextX - x)) / (nextY - y));
  }
  return found;
}
