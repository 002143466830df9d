import { cache, StackViewport, type Types, type VolumeViewport } from "@cornerstonejs/core";
import { decimal, fixed } from "@/shared/lib/format";
import { suvFactorOf } from "@/features/reader/lib/display/suv";
import { unitOfValues } from "@/features/reader/lib/display/values";
import type { LoadedSeries } from "./series";

/** What lies under the pointer. */
export interface ValueAt {
  /** Index of the column and row on the image, or of the voxel, from 0. */
  column: number;
  row: number;
  /** One value, after the modality's rescaling; three of a colour. */
  values: number[];
  text: string;
}

/** The value at a point of the screen; null outside of the image. */
export function valueAt(
  view: StackViewport | VolumeViewport,
  point: Types.Point2,
  series: LoadedSeries | null,
): ValueAt | null {
  const image = view.getImageData() as {
    imageData?: { worldToIndex(world: Types.Point3): Types.Point3 };
    dimensions?: Types.Point3;
    voxelManager?: { getAtIJK(i: number, j: number, k: number): number | number[] };
  } | null;
  if (!image?.imageData || !image.dimensions) return null;
  const [i, j, k] = image.imageData.worldToIndex(view.canvasToWorld(point)).map(Math.round) as Types.Point3;
  const [columns, rows, slices] = image.dimensions;
  if (i < 0 || j < 0 || k < 0 || i >= columns || j >= rows || k >= slices) return null;
  const values =
    view instanceof StackViewport
      ? pixelValues(view.getCurrentImageId(), i, j)
      : [image.voxelManager?.getAtIJK(i, j, k) ?? NaN].flat();
  if (values.some((value) => !Number.isFinite(value))) return null;
  return { column: i, row: j, values, text: textOf(i, j, values, series) };
}

/** A pixel of an image that is loaded, after the modality's rescaling; NaN for one that is not. */
export function pixelValues(imageId: string | undefined, column: number, row: number): number[] {
  const image = imageId === undefined ? undefined : cache.getImage(imageId);
  if (!image || column < 0 || row < 0 || column >= image.columns || row >= image.rows) return [NaN];
  const components = image.numberOfComponents || 1;
  const pixels = image.getPixelData();
  const start = (row * image.columns + column) * components;
  // An alpha channel is no value of the image.
  return Array.from({ length: Math.min(3, components) }, (_, index) => pixels[start + index] ?? NaN);
}

function textOf(column: number, row: number, values: number[], series: LoadedSeries | null): string {
  const place = `${column}, ${row}`;
  const [value = NaN] = values;
  if (values.length > 1) return `${place}: ${values.join(" ")}`;
  const dataset = series?.order.slices[0]?.dataset;
  const rounded = decimal(Number(value.toFixed(2)));
  if (dataset && unitOfValues(dataset) === "[hnsf'U]") return `${place}: ${rounded} HU`;
  const suv = dataset ? suvFactorOf(dataset) : null;
  return suv === null ? `${place}: ${rounded}` : `${place}: ${rounded} (SUV ${fixed(value * suv, 2)})`;
}
