/** Where a straightened picture shows what: shares of its width and height, from its upper left corner. */
import type { ProjectedVolume } from "@/dicom/pet/projection";
import { stationAt, type CurvePath } from "./path";
import type { Lay } from "./lay";
import { axesAt, depthsOf, project, type CurvedSlab, type Sampled } from "./reformat";
import { indexOfPlace, voxelIndexOf } from "./sampling";

type Shape = Omit<Sampled, "values">;

export interface CurvePlace {
  alongMm: number;
  /** Beside the curve: to the right of a picture that runs down, up from one that runs to the right. */
  acrossMm: number;
}

export function placeAt({ width, height, acrossMm, downMm }: Shape, runs: Lay["runs"], [x, y]: readonly [number, number]): CurvePlace {
  const [along, across] = runs === "down" ? [y, x] : [x, 1 - y];
  return { alongMm: (along * height - 0.5) * downMm, acrossMm: (across - 0.5) * width * acrossMm };
}

export function shareOf({ width, height, acrossMm, downMm }: Shape, runs: Lay["runs"], place: CurvePlace): [number, number] {
  const along = (place.alongMm / downMm + 0.5) / height;
  const across = place.acrossMm / acrossMm / width + 0.5;
  return runs === "down" ? [across, along] : [along, 1 - across];
}

/** Shades of a window, on the screen as it runs; black beside the volume. */
export function curvedShades(
  { values, width, height }: Sampled,
  runs: Lay["runs"],
  { lower, upper, inverted }: { lower: number; upper: number; inverted: boolean },
): Uint8ClampedArray<ArrayBuffer> {
  const shades = new Uint8ClampedArray(values.length * 4);
  const scale = 255 / (upper - lower || 1);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const value = values[row * width + column] as number;
      const at = 4 * (runs === "down" ? row * width + column : (width - 1 - column) * height + row);
      const share = Math.max(0, Math.min(255, (value - lower) * scale));
      shades[at] = shades[at + 1] = shades[at + 2] = value !== value ? 0 : inverted ? 255 - share : share;
      shades[at + 3] = 255;
    }
  }
  return shades;
}

export interface NearestValue {
  column: number;
  row: number;
  value: number;
}

/** What voxels hold at a place beside the curve, the nearest ones along the slab; null outside of the volume. */
export function valueBeside(volume: ProjectedVolume, path: CurvePath, place: CurvePlace, degrees: number, slab: CurvedSlab): NearestValue | null {
  const station = stationAt(path, place.alongMm);
  if (!station) return null;
  const { across, behind } = axesAt(station, degrees);
  const index = voxelIndexOf(volume);
  const voxels = depthsOf(slab, index.finestMm).map((depth) => {
    const at = [0, 1, 2].map((axis) => (station.point[axis] ?? 0) + place.acrossMm * (across[axis] ?? 0) + depth * (behind[axis] ?? 0));
    const [column = -1, row = -1, slice = -1] = indexOfPlace(index, [at[0] ?? 0, at[1] ?? 0, at[2] ?? 0]).map(Math.round);
    const isInside = column >= 0 && row >= 0 && column < volume.columns && row < volume.rows;
    const value = isInside ? volume.slices[slice]?.[row * volume.columns + column] : undefined;
    return { column, row, value: value ?? NaN };
  });
  const found = new Float32Array(1);
  project(voxels.map(({ value }) => Float32Array.of(value)), slab.projection === "slice" ? "max" : slab.projection, found, 0);
  const middle = voxels[Math.floor(voxels.length / 2)];
  const [value = NaN] = found;
  return !middle || Number.isNaN(value) ? null : { column: middle.column, row: middle.row, value };
}
