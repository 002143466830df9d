import { keyOf, type LoadedSeries } from "@/cornerstone/series";
import type { Slice } from "@/dicom/geometry";
import type { Measurement } from "@/dicom/measurements/measurement";

/** The images of the series that were opened: by Cornerstone's ID, and by what the node calls them. */
export class OpenImages {
  private readonly series = new Map<string, LoadedSeries>();

  /** False where the series was known. */
  open(series: LoadedSeries): boolean {
    if (this.series.get(keyOf(series)) === series) return false;
    this.series.set(keyOf(series), series);
    return true;
  }

  sliceOf(imageId: string | undefined): Slice | undefined {
    if (!imageId) return undefined;
    for (const { imageIds, order } of this.series.values()) {
      const index = imageIds.indexOf(imageId);
      if (index >= 0) return order.slices[index];
    }
    return undefined;
  }

  imageIdOf({ sopInstanceUid, frameNumber }: Measurement): string | undefined {
    for (const { imageIds, order, indexOfSopInstanceUid } of this.series.values()) {
      if (!indexOfSopInstanceUid.has(sopInstanceUid)) continue;
      const index = order.slices.findIndex(
        (slice) => slice.sopInstanceUid === sopInstanceUid && slice.frameNumber === frameNumber,
      );
      if (index >= 0) return imageIds[index];
    }
    return undefined;
  }
}
