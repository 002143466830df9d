/** Pictures along a curve: straightened, and across it. */
import { cross, type Vector } from "@/dicom/geometry";
import type { ProjectedVolume } from "@/dicom/pet/projection";
import { stationAt, turnedNormal, type CurvePath, type Station } from "./path";
import { lineSampler, voxelIndexOf } from "./sampling";

export const curvedProjections = ["slice", "max", "min", "mean"] as const;
export type CurvedProjection = (typeof curvedProjections)[number];

/** What lies within half the thickness before and behind the picture is projected onto it. */
export interface CurvedSlab {
  projection: CurvedProjection;
  thicknessMm: number;
}

export interface Sampled {
  /** Values row by row; NaN outside of the volume. */
  values: Float32Array;
  width: number;
  height: number;
  /** From one sample to the next of a row, and of a column, mm. */
  acrossMm: number;
  downMm: number;
}

export interface Straightening {
  /** About the curve, counterclockwise against its tangent. */
  degrees: number;
  widthMm: number;
  /** Between two samples across the curve, mm. */
  pixelMm: number;
  slab: CurvedSlab;
}

/** Towards the right of a straightened picture, and away from it: a frame of the curve, turned. */
export function axesAt(station: Station, degrees: number): { across: Vector; behind: Vector } {
  const across = turnedNormal(station, (degrees * Math.PI) / 180);
  return { across, behind: cross(across, station.tangent) };
}

/** How many samples lie across, an odd number: the curve itself is the one in the middle. */
export function samplesAcross(widthMm: number, pixelMm: number): number {
  return 2 * Math.floor(widthMm / 2 / pixelMm + 1e-9) + 1;
}

/** The place of the patient that a straightened picture shows `acrossMm` beside the curve. */
export function placeBeside(path: CurvePath, alongMm: number, acrossMm: number, degrees: number): Vector | null {
  const station = stationAt(path, alongMm);
  return station && plus(station.point, axesAt(station, degrees).across, acrossMm);
}

/** One row for each station of the curve, across it. */
export function straightened(volume: ProjectedVolume, path: CurvePath, { degrees, widthMm, pixelMm, slab }: Straightening): Sampled {
  const sample = lineSampler(volume);
  const width = samplesAcross(widthMm, pixelMm);
  const half = ((width - 1) / 2) * pixelMm;
  const values = new Float32Array(width * path.stations.length);
  const offsets = depthsOf(slab, voxelIndexOf(volume).finestMm);
  const line = new Float32Array(width);
  for (const [row, station] of path.stations.entries()) {
    const { across, behind } = axesAt(station, degrees);
    const step: Vector = [across[0] * pixelMm, across[1] * pixelMm, across[2] * pixelMm];
    const start = plus(station.point, across, -half);
    if (offsets.length === 1) sample(start, step, width, values, row * width);
    else {
      const all = offsets.map((depth) => {
        const one = line.slice();
        sample(plus(start, behind, depth), step, width, one, 0);
        return one;
      });
      project(all, slab.projection, values, row * width);
    }
  }
  return { values, width, height: path.stations.length, acrossMm: pixelMm, downMm: path.stepMm };
}

/** The plane perpendicular to the curve at a place: to the right as a straightened picture, down away from its viewer. */
export function crossSection(volume: ProjectedVolume, station: Station, degrees: number, widthMm: number, pixelMm: number): Sampled {
  const sample = lineSampler(volume);
  const width = samplesAcross(widthMm, pixelMm);
  const half = ((width - 1) / 2) * pixelMm;
  const { across, behind } = axesAt(station, degrees);
  const step: Vector = [across[0] * pixelMm, across[1] * pixelMm, across[2] * pixelMm];
  const corner = plus(plus(station.point, across, -half), behind, -half);
  const values = new Float32Array(width * width);
  for (let row = 0; row < width; row += 1) sample(plus(corner, behind, row * pixelMm), step, width, values, row * width);
  return { values, width, height: width, acrossMm: pixelMm, downMm: pixelMm };
}

/** Where a slab is sampled, from its front to its back: in steps no coarser than the finest voxels. */
export function depthsOf({ projection, thicknessMm }: CurvedSlab, finestMm: number): number[] {
  if (projection === "slice" || thicknessMm <= 0) return [0];
  const steps = Math.max(1, Math.ceil(thicknessMm / finestMm));
  return Array.from({ length: steps + 1 }, (_, at) => (at / steps - 0.5) * thicknessMm);
}

/** A value within the volume counts, also where the slab reaches out of it. */
export function project(lines: readonly Float32Array[], projection: CurvedProjection, into: Float32Array, offset: number): void {
  const width = lines[0]?.length ?? 0;
  for (let at = 0; at < width; at += 1) {
    let [most, least, sum, count] = [-Infinity, Infinity, 0, 0];
    for (const line of lines) {
      const value = line[at] as number;
      if (value !== value) continue;
      if (value > most) most = value;
      if (value < least) least = value;
      sum += value;
      count += 1;
    }
    into[offset + at] = count === 0 ? NaN : projection === "max" ? most : projection === "min" ? least : sum / count;
  }
}

function plus(point: Vector, direction: Vector, by: number): Vector {
  return [point[0] + direction[0] * by, point[1] + direction[1] * by, point[2] + direction[2] * by];
}
