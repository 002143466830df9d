import { imageLoader } from "@cornerstonejs/core";
import { percentiles, type WindowRange } from "@/dicom/windowing";
import type { LoadedSeries } from "@/cornerstone/series";

/** So many slices tell how bright a series is. */
const looked = 5;

/** From none up to all but the brightest of what some slices of a series hold, spread over its length. */
export async function activityRange({ imageIds }: LoadedSeries): Promise<WindowRange> {
  const wanted = Array.from({ length: looked }, (_, at) => imageIds[Math.floor(((at + 0.5) / looked) * imageIds.length)]);
  const images = await Promise.all([...new Set(wanted)].flatMap((imageId) => imageId ?? []).map((imageId) => imageLoader.loadAndCacheImage(imageId)));
  const upper = Math.max(0, ...images.map((image) => percentiles(image.getPixelData(), [0.995])[0] ?? 0));
  return { lower: 0, upper: upper || 1 };
}
