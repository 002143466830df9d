/** Dose–volume histograms, worked out of contours and a grid of doses. */
import type { Roi } from "@/dicom/segmentation/structureSet";
import { contourSlabs, type ContourSlab, type SlabObstacle } from "./contourSlabs";
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
export type HistogramObstacle = SlabObstacle | "other_frame" | "outside";

const bins = 4096;
const mostSamples = 4_000_000;

/**
 * The histogram of a structure, of the slabs that its contours stand for; contours within each other are holes (the rule of
 * even and odd). Doses are interpolated within the slab.
 */
export function histogramOf(roi: Roi, grid: DoseGrid): DoseHistogram | HistogramObstacle {
  if (roi.frameOfReferenceUid && grid.frameOfReferenceUid && roi.frameOfReferenceUid !== grid.frameOfReferenceUid) {
    return "other_frame";
  }
  const found = contourSlabs(roi, grid.along, grid.down);
  if (typeof found === "string") return found;
  const { normal, u, v, slabs: planes, widestGapMm, isParted } = found;
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

/** Between samples: finer than the grid and than a hundredth of the structure, as far as time allows. */
function stepFor(planes: readonly ContourSlab[], { columnSpacingMm, rowSpacingMm }: DoseGrid): number {
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
