import { cache, utilities, type Types } from "@cornerstonejs/core";
import { segmentation } from "@cornerstonejs/tools";
import { text } from "@/shared/i18n";
import { shapesBetween } from "@/dicom/display/interpolation";
import type { LoadedMask } from "./mask";
import type { LoadedSeries } from "@/cornerstone/series";

interface LabelPlane {
  index: number;
  image: Types.IImage;
  before: number[] | ArrayLike<number>;
}

const steps = 200;
const { DefaultHistoryMemo } = utilities.HistoryMemo;

/** What was changed of one segment: 0, or its number, for every pixel of the slices it names. */
export interface MaskEdit {
  segmentNumber: number;
  rows: number;
  columns: number;
  slices: readonly { sopInstanceUid: string; frameNumber: number; values: Uint8Array }[];
}

/**
 * The editing of one segment of one mask. The mask itself is a result and stays as it was stated:
 * what was changed is handed out as slices, and taken back from the screen in the end.
 */
export class MaskEditing {
  private readonly planes: LabelPlane[];

  private constructor(
    private readonly series: LoadedSeries,
    private readonly mask: LoadedMask,
    readonly segmentNumber: number,
    labelmapIds: readonly string[],
  ) {
    this.planes = labelmapIds.flatMap((imageId) => {
      const image = cache.getImage(imageId);
      const index = image?.referencedImageId ? series.imageIds.indexOf(image.referencedImageId) : -1;
      return image && index >= 0 ? [{ index, image, before: image.getPixelData().slice() }] : [];
    });
    this.planes.sort((a, b) => a.index - b.index);
    DefaultHistoryMemo.size = steps;
    this.lock(false);
    segmentation.segmentIndex.setActiveSegmentIndex(mask.segmentationId, segmentNumber);
  }

  /** Throws when the mask cannot be edited here, saying why. */
  static begin(series: LoadedSeries, mask: LoadedMask, segmentNumber: number): MaskEditing {
    const data = segmentation.state.getSegmentation(mask.segmentationId)?.representationData.Labelmap;
    const imageIds = data && "imageIds" in data ? (data.imageIds ?? []) : [];
    if (imageIds.length === 0) throw new Error(text().refusals.mask.noLabelMap);
    if (mask.notes.length > 0) throw new Error(text().refusals.mask.notItsOwnGrid);
    if (imageIds.length > series.imageIds.length) {
      throw new Error(text().refusals.mask.overlapping);
    }
    return new MaskEditing(series, mask, segmentNumber, imageIds);
  }

  /** Brushes and scissors work on the mask that is active in the view. */
  activateIn(viewIds: readonly string[]): void {
    for (const viewId of viewIds) {
      segmentation.activeSegmentation.setActiveSegmentation(viewId, this.mask.segmentationId);
    }
  }

  undo(): void {
    DefaultHistoryMemo.undo();
  }

  redo(): void {
    DefaultHistoryMemo.redo();
  }

  /** Fills, by shape, the slices between those that were changed; how many it filled. */
  interpolate(): number {
    const changed = this.planes.filter((plane) => this.isChanged(plane) && this.hasSegment(plane));
    const filled: LabelPlane[] = [];
    const after: ArrayLike<number>[] = [];
    for (const [at, first] of changed.slice(0, -1).entries()) {
      const last = changed[at + 1];
      const between = this.planes.filter(({ index }) => last && index > first.index && index < last.index);
      if (!last || between.length === 0) continue;
      const shapes = shapesBetween(this.binary(first), this.binary(last), first.image.columns, between.length);
      for (const [number, plane] of between.entries()) {
        const shape = shapes[number];
        if (!shape) continue;
        filled.push(plane);
        after.push(this.withShape(plane, shape));
      }
    }
    if (filled.length === 0) return 0;
    const before = filled.map(({ image }) => image.getPixelData().slice() as ArrayLike<number>);
    const put = (values: readonly ArrayLike<number>[]) => {
      for (const [number, { image }] of filled.entries()) image.getPixelData().set(values[number] ?? []);
      this.tell(filled);
    };
    put(after);
    DefaultHistoryMemo.push({ restoreMemo: (undo) => put(undo ? before : after) });
    return filled.length;
  }

  /** What differs from the mask as it was stated. */
  get edit(): MaskEdit {
    const image = this.planes[0]?.image;
    const slices = this.planes
      .filter((plane) => this.isChanged(plane))
      .flatMap((plane) => {
        const slice = this.series.order.slices[plane.index];
        const { segmentNumber } = this;
        const values = Uint8Array.from(plane.image.getPixelData(), (value) => (value === segmentNumber ? value : 0));
        return slice ? [{ sopInstanceUid: slice.sopInstanceUid, frameNumber: slice.frameNumber, values }] : [];
      });
    return { segmentNumber: this.segmentNumber, rows: image?.rows ?? 0, columns: image?.columns ?? 0, slices };
  }

  /** The mask is on the screen again as it was stated. */
  end(): void {
    const changed = this.planes.filter((plane) => this.isChanged(plane));
    for (const { image, before } of changed) image.getPixelData().set(before);
    this.tell(changed);
    this.lock(true);
    DefaultHistoryMemo.size = steps;
  }

  private lock(locked: boolean): void {
    const { segmentationId } = this.mask;
    if (!segmentation.state.getSegmentation(segmentationId)) return;
    segmentation.segmentLocking.setSegmentIndexLocked(segmentationId, this.segmentNumber, locked);
  }

  private binary({ image }: LabelPlane): Uint8Array {
    return Uint8Array.from(image.getPixelData(), (value) => (value === this.segmentNumber ? 1 : 0));
  }

  /** The plane with the shape in the place of the segment; other segments keep their pixels. */
  private withShape({ image }: LabelPlane, shape: Uint8Array): ArrayLike<number> {
    const values = image.getPixelData().slice();
    for (const [at, value] of values.entries()) {
      if (value === 0 || value === this.segmentNumber) values[at] = shape[at] ? this.segmentNumber : 0;
    }
    return values;
  }

  private hasSegment({ image }: LabelPlane): boolean {
    return image.getPixelData().includes(this.segmentNumber);
  }

  private isChanged({ image, before }: LabelPlane): boolean {
    const now = image.getPixelData();
    for (let at = 0; at < now.length; at += 1) if (now[at] !== before[at]) return true;
    return false;
  }

  private tell(planes: readonly LabelPlane[]): void {
    if (!segmentation.state.getSegmentation(this.mask.segmentationId)) return;
    segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(
      this.mask.segmentationId,
      planes.map(({ index }) => index),
      this.segmentNumber,
    );
  }
}
