import { Enums, eventTarget, StreamingImageVolume, type Types, volumeLoader } from "@cornerstonejs/core";
import { keyOf, type LoadedSeries } from "@/cornerstone/series";

export function volumeIdOf(series: LoadedSeries): string {
  return `cornerstoneStreamingImageVolume:${keyOf(series)}`;
}

/** Ends what the volume that is loading, or was, still tells. */
let stopTelling = (): void => undefined;

/** Makes the volume of a series, loading its frames as they are wanted. */
export async function openVolume(
  series: LoadedSeries,
  onLoading: (loaded: number, total: number) => void,
): Promise<string> {
  const volumeId = volumeIdOf(series);
  const volume = await volumeLoader.createAndCacheVolume(volumeId, { imageIds: series.imageIds });
  if (volume instanceof StreamingImageVolume) {
    const total = series.imageIds.length;
    stopTelling();
    const { IMAGE_VOLUME_MODIFIED } = Enums.Events;
    const onFrame = (event: Event) => {
      const { detail } = event as Types.EventTypes.ImageVolumeModifiedEvent;
      if (detail.volumeId === volumeId) onLoading(detail.framesProcessed, total);
    };
    eventTarget.addEventListener(IMAGE_VOLUME_MODIFIED, onFrame);
    stopTelling = () => eventTarget.removeEventListener(IMAGE_VOLUME_MODIFIED, onFrame);
    // Called once, when all frames are in or were there already.
    volume.load(() => {
      stopTelling();
      onLoading(total, total);
    });
  }
  return volumeId;
}
