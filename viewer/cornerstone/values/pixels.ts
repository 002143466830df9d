import { cache, StackViewport, type Types, type VolumeViewport } from "@cornerstonejs/core";
import { isPadding } from "@/dicom/measurements/pixelsWithin";
import type { WindowRange } from "@/dicom/windowing";
import type { Slab } from "@/cornerstone/volumes/slab";

export interface PixelAt {
  /** Index of the column and row on the image, or of the voxel, from 0. */
  column: number;
  row: number;
  /** One value, after the modality's rescaling; three of a colour. */
  values: number[];
}

interface Voxels {
  imageData?: { worldToIndex(world: Types.Point3): Types.Point3 };
  dimensions?: Types.Point3;
  voxelManager?: { getAtIJK(i: number, j: number, k: number): number | number[] };
}

/** Steps through a slab, mm: finer than the voxels of any scanner but few. */
const slabStepMm = 0.25;

/**
 * What a slab shows at a point of the screen: the largest, the least or the mean of the voxels that the
 * line of sight meets within it, but for those that are padding. Null where it meets none.
 */
export function slabValueAt(view: VolumeViewport, point: Types.Point2, slab: Slab, paddings: readonly WindowRange[]): number | null {
  const { imageData, dimensions, voxelManager } = (view.getImageData() ?? {}) as Voxels;
  const normal = view.getCamera().viewPlaneNormal;
  if (!imageData || !dimensions || !voxelManager || !normal) return null;
  const world = view.canvasToWorld(point);
  const steps = Math.max(1, Math.round(slab.thicknessMm / slabStepMm));
  const met: number[] = [];
  for (let step = 0; step <= steps; step += 1) {
    const along = (step / steps - 0.5) * slab.thicknessMm;
    const at = world.map((one, axis) => one + along * (normal[axis] ?? 0)) as Types.Point3;
    const index = imageData.worldToIndex(at).map(Math.round) as Types.Point3;
    if (index.some((one, axis) => one < 0 || one >= (dimensions[axis] ?? 0))) continue;
    const value = voxelManager.getAtIJK(...index);
    if (typeof value === "number" && Number.isFinite(value) && !isPadding(value, paddings)) met.push(value);
  }
  if (met.length === 0) return null;
  if (slab.projection === "max") return Math.max(...met);
  if (slab.projection === "min") return Math.min(...met);
  return met.reduce((sum, value) => sum + value, 0) / met.length;
}

/** The value at a point of the screen; null outside of the image. */
export function valuesAt(view: StackViewport | VolumeViewport, point: Types.Point2): PixelAt | null {
  const image = view.getImageData() as Voxels | null;
  if (!image?.imageData || !image.dimensions) return null;
  const [i, j, k] = image.imageData.worldToIndex(view.canvasToWorld(point)).map(Math.round) as Types.Point3;
  const [columns, rows, slices] = image.dimensions;
  if (i < 0 || j < 0 || k < 0 || i >= columns || j >= rows || k >= slices) return null;
  const values =
    view instanceof StackViewport
      ? pixelValues(view.getCurrentImageId(), i, j)
      : [image.voxelManager?.getAtIJK(i, j, k) ?? NaN].flat();
  if (values.some((value) => !Number.isFinite(value))) return null;
  return { column: i, row: j, values };
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
