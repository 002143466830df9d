import { imageLoader, type Types } from "@cornerstonejs/core";
import { segmentation } from "@cornerstonejs/tools";
import type { MaskBits } from "@/dicom/segmentation/maskBits";
import type { Rgb } from "@/dicom/color";
import type { LoadedSeries } from "@/cornerstone/series";
import { register, type LoadedMask } from "./mask";

const segmentNumber = 1;

/** A mask that changes with each click: drawn like one that was read, and stated by nobody yet. */
export class ClickedMask {
  readonly mask: LoadedMask;
  private readonly planes: readonly Types.IImage[];
  private drawn: readonly number[] = [];

  constructor(
    private readonly series: LoadedSeries,
    id: string,
    label: string,
    color: Rgb,
  ) {
    const segmentationId = `click:${id}`;
    this.planes = imageLoader.createAndCacheDerivedLabelmapImages(series.imageIds);
    const segment = { segmentNumber, label, algorithm: "", color, extent: null, centerLpsMm: null };
    this.mask = { segmentationId, sopInstanceUid: "", seriesInstanceUid: "", segments: [segment], notes: [], opening: null };
    register(series, segmentationId, this.planes.map(({ imageId }) => imageId), [segment]);
  }

  /** Draws the mask instead of the one before; null: nothing. `sources`: of which frame each slice is. */
  show(bits: MaskBits | null, sources: readonly { sopInstanceUid: string; frameNumber: number }[]): void {
    for (const index of this.drawn) this.planes[index]?.getPixelData().fill(0);
    const changed = new Set(this.drawn);
    const drawn: number[] = [];
    for (let k = 0; bits && k < bits.shape[0]; k += 1) {
      const index = this.indexOf(sources[bits.start[0] + k]);
      const plane = this.planes[index];
      if (!plane) continue;
      bits.drawSlice(k, plane.getPixelData(), plane.columns, segmentNumber);
      drawn.push(index);
      changed.add(index);
    }
    this.drawn = drawn;
    if (!segmentation.state.getSegmentation(this.mask.segmentationId)) return;
    segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(
      this.mask.segmentationId,
      [...changed],
      segmentNumber,
    );
  }

  private indexOf(source: { sopInstanceUid: string; frameNumber: number } | undefined): number {
    if (!source) return -1;
    return this.series.order.slices.findIndex(
      (slice) => slice.sopInstanceUid === source.sopInstanceUid && slice.frameNumber === source.frameNumber,
    );
  }
}
