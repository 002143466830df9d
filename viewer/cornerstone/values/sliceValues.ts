import { imageLoader } from "@cornerstonejs/core";
import type { LoadedSeries } from "@/cornerstone/series";

/** The values of one frame of a series after the modality's rescaling, row by row; loaded where it is not yet. */
export async function sliceValues(series: LoadedSeries, index: number): Promise<ArrayLike<number> | null> {
  const imageId = series.imageIds[index];
  if (imageId === undefined) return null;
  const image = await imageLoader.loadAndCacheImage(imageId);
  return image.color ? null : image.getPixelData();
}
