import { cache, eventTarget, imageLoader, utilities, type Types } from "@cornerstonejs/core";
import { Enums, segmentation } from "@cornerstonejs/tools";
import type { Rgb } from "@/dicom/color";
import { shapesBetween } from "@/dicom/display/interpolation";
import { sliceValues } from "@/cornerstone/values/sliceValues";
import type { LoadedSeries } from "@/cornerstone/series";
import { register, type LoadedMask } from "./mask";

const { DefaultHistoryMemo } = utilities.HistoryMemo;
const steps = 200;

/** What is drawn on one slice: the number of a segment for each pixel, else 0. */
export interface DrawnSlice {
  sopInstanceUid: string;
  frameNumber: number;
  labels: Uint8Array;
}

/**
 * A segmentation that a person draws from nothing, on one series: label maps of Cornerstone, on which
 * its brushes and scissors work, and what the viewer itself fills. What is done is undone step by step.
 */
export class Drawing {
  readonly mask: LoadedMask;
  private readonly planes: readonly Types.IImage[];
  private readonly locked = new Set<number>();
  private isTelling = false;

  constructor(
    readonly series: LoadedSeries,
    id: string,
    /** By a brush or scissors of Cornerstone, or by what the viewer itself fills. */
    private readonly onChange: (byMouse: boolean) => void,
  ) {
    const segmentationId = `drawing:${id}`;
    this.planes = imageLoader.createAndCacheDerivedLabelmapImages(series.imageIds);
    this.mask = { segmentationId, sopInstanceUid: "", seriesInstanceUid: "", segments: [], notes: [], opening: null };
    register(series, segmentationId, this.planes.map(({ imageId }) => imageId), []);
    eventTarget.addEventListener(Enums.Events.SEGMENTATION_DATA_MODIFIED, this.onModified);
  }

  /** Takes over a mask that is on the screen; its segments keep their numbers. */
  takeFrom({ segmentationId }: LoadedMask): void {
    const data = segmentation.state.getSegmentation(segmentationId)?.representationData.Labelmap;
    const imageIds = data && "imageIds" in data ? (data.imageIds ?? []) : [];
    for (const imageId of imageIds) {
      const image = cache.getImage(imageId);
      const index = image?.referencedImageId ? this.series.imageIds.indexOf(image.referencedImageId) : -1;
      const labels = this.planes[index]?.getPixelData();
      if (!image || !labels) continue;
      for (const [at, label] of (image.getPixelData() as Uint8Array).entries()) if (label) labels[at] = label;
    }
    this.tell([...this.planes.keys()]);
  }

  addSegment(segmentNumber: number, label: string, color: Rgb): void {
    const known = segmentation.state.getSegmentation(this.mask.segmentationId);
    if (known) known.segments[segmentNumber] = { segmentIndex: segmentNumber, label, locked: false, active: false, cachedStats: {} };
    this.mask.segments.push({ segmentNumber, label, algorithm: "", color, extent: null, centerLpsMm: null });
  }

  /** The segment and all that is drawn of it; not undone. */
  removeSegment(segmentNumber: number): void {
    const changed: number[] = [];
    for (const [index, plane] of this.planes.entries()) {
      const labels = plane.getPixelData();
      if (!labels.includes(segmentNumber)) continue;
      for (let at = 0; at < labels.length; at += 1) if (labels[at] === segmentNumber) labels[at] = 0;
      changed.push(index);
    }
    this.mask.segments = this.mask.segments.filter((one) => one.segmentNumber !== segmentNumber);
    delete segmentation.state.getSegmentation(this.mask.segmentationId)?.segments[segmentNumber];
    this.locked.delete(segmentNumber);
    this.forgetSteps();
    this.tell(changed);
  }

  /** Brushes and scissors work on it in the views that show the series. */
  activate(viewIds: readonly string[], segmentNumber: number): void {
    const { segmentationId } = this.mask;
    if (!segmentation.state.getSegmentation(segmentationId)?.segments[segmentNumber]) return;
    segmentation.segmentIndex.setActiveSegmentIndex(segmentationId, segmentNumber);
    for (const viewId of viewIds) {
      if (segmentation.state.getSegmentationRepresentations(viewId, { segmentationId }).length === 0) continue;
      segmentation.activeSegmentation.setActiveSegmentation(viewId, segmentationId);
    }
  }

  setLocked(segmentNumber: number, locked: boolean): void {
    if (locked) this.locked.add(segmentNumber);
    else this.locked.delete(segmentNumber);
    segmentation.segmentLocking.setSegmentIndexLocked(this.mask.segmentationId, segmentNumber, locked);
  }

  /** Whether a pixel may become another segment's. */
  mayChange(index: number, at: number): boolean {
    return !this.locked.has(this.planes[index]?.getPixelData()[at] ?? 0);
  }

  labelsOf(index: number): ArrayLike<number> {
    return this.planes[index]?.getPixelData() ?? [];
  }

  valuesOf(index: number): Promise<ArrayLike<number> | null> {
    return sliceValues(this.series, index);
  }

  /** Gives pixels of some slices, by index, to a segment (0: to none), as one step; how many changed. */
  paint(pixels: ReadonlyMap<number, readonly number[]>, segmentNumber: number): number {
    let count = 0;
    const after = new Map<number, Uint8Array>();
    for (const [index, places] of pixels) {
      const before = this.planes[index]?.getPixelData();
      if (!before) continue;
      const labels = Uint8Array.from(before);
      let changed = 0;
      for (const at of places) {
        if (labels[at] === segmentNumber || !this.mayChange(index, at)) continue;
        labels[at] = segmentNumber;
        changed += 1;
      }
      if (changed > 0) after.set(index, labels);
      count += changed;
    }
    this.put(after);
    return count;
  }

  /** Fills, by shape, the slices between those that have the segment; how many it filled. */
  interpolate(segmentNumber: number): number {
    const drawn = [...this.planes.keys()].filter((index) => this.planes[index]?.getPixelData().includes(segmentNumber));
    const pixels = new Map<number, number[]>();
    for (const [position, first] of drawn.slice(0, -1).entries()) {
      const last = drawn[position + 1] ?? first;
      const shapes = shapesBetween(this.binary(first, segmentNumber), this.binary(last, segmentNumber), this.columns, last - first - 1);
      for (const [number, shape] of shapes.entries()) {
        const places: number[] = [];
        for (const [at, value] of shape.entries()) if (value && (this.labelsOf(first + 1 + number)[at] ?? 0) === 0) places.push(at);
        if (places.length > 0) pixels.set(first + 1 + number, places);
      }
    }
    this.paint(pixels, segmentNumber);
    return pixels.size;
  }

  /** The slices that hold anything. */
  get drawn(): DrawnSlice[] {
    return this.planes.flatMap((plane, index) => {
      const labels = Uint8Array.from(plane.getPixelData());
      const slice = this.series.order.slices[index];
      if (!slice || !labels.some(Boolean)) return [];
      return [{ sopInstanceUid: slice.sopInstanceUid, frameNumber: slice.frameNumber, labels }];
    });
  }

  get rows(): number {
    return this.planes[0]?.rows ?? 0;
  }

  get columns(): number {
    return this.planes[0]?.columns ?? 0;
  }

  undo(): void {
    DefaultHistoryMemo.undo();
  }

  redo(): void {
    DefaultHistoryMemo.redo();
  }

  /** What was done before cannot be undone any more: another drawing has the steps from now on. */
  forgetSteps(): void {
    DefaultHistoryMemo.size = steps;
  }

  end(): void {
    eventTarget.removeEventListener(Enums.Events.SEGMENTATION_DATA_MODIFIED, this.onModified);
    this.forgetSteps();
  }

  private put(after: ReadonlyMap<number, Uint8Array>): void {
    if (after.size === 0) return;
    const before = new Map([...after.keys()].map((index) => [index, Uint8Array.from(this.labelsOf(index))]));
    const write = (values: ReadonlyMap<number, Uint8Array>) => {
      for (const [index, labels] of values) this.planes[index]?.getPixelData().set(labels);
      this.tell([...values.keys()]);
    };
    write(after);
    DefaultHistoryMemo.push({ restoreMemo: (undo) => write(undo ? before : after) });
  }

  private binary(index: number, segmentNumber: number): Uint8Array {
    return Uint8Array.from(this.labelsOf(index), (value) => (value === segmentNumber ? 1 : 0));
  }

  private tell(indexes: readonly number[]): void {
    if (indexes.length === 0 || !segmentation.state.getSegmentation(this.mask.segmentationId)) return;
    this.isTelling = true;
    segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(this.mask.segmentationId, [...indexes]);
    this.isTelling = false;
  }

  private readonly onModified = (event: Event): void => {
    const { segmentationId } = (event as CustomEvent<{ segmentationId: string }>).detail;
    if (segmentationId === this.mask.segmentationId) this.onChange(!this.isTelling);
  };
}
