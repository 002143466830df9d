import { eventTarget } from "@cornerstonejs/core";
import { Enums, segmentation } from "@cornerstonejs/tools";
import type { LoadedMask } from "./mask";
import { applyMaskStyle, type MaskStyle } from "./runtime";

const labelmap = Enums.SegmentationRepresentations.Labelmap;

/** The masks over the views of a scene; what is hidden stays hidden when the views change. */
export class MaskLayer {
  private readonly masks = new Map<string, LoadedMask>();
  private readonly hidden = new Set<string>();
  private readonly colors = new Map<string, readonly number[]>();
  /** Views that were handed a mask: true once a picture with it was drawn. */
  private readonly masked = new Map<string, boolean>();
  private viewIds: string[] = [];
  seriesInstanceUid = "";

  /** A mask that was handed to a view is seen from its next picture on, which is asked for. */
  constructor(private readonly askForPicture: (viewId: string) => void) {
    eventTarget.addEventListener(Enums.Events.SEGMENTATION_RENDERED, this.onRendered);
  }

  /** Puts the masks of a series on views that were just enabled; another series starts empty. */
  attach(seriesInstanceUid: string, viewIds: string[]): void {
    if (seriesInstanceUid !== this.seriesInstanceUid) this.forget();
    this.seriesInstanceUid = seriesInstanceUid;
    this.viewIds = viewIds;
    for (const mask of this.masks.values()) this.draw(mask);
  }

  detach(viewIds: string[]): void {
    for (const viewId of viewIds) segmentation.removeSegmentationRepresentations(viewId, {});
    this.viewIds = [];
    this.masked.clear();
  }

  /** Whether the picture that a view has just drawn is its first one with a mask. */
  isFirstPictureOf(viewId: string): boolean {
    if (this.masked.get(viewId) !== false) return false;
    this.masked.set(viewId, true);
    return true;
  }

  add(seriesInstanceUid: string, mask: LoadedMask, viewIds: string[]): void {
    if (seriesInstanceUid !== this.seriesInstanceUid) return;
    this.masks.set(mask.segmentationId, mask);
    this.viewIds = viewIds;
    this.draw(mask);
  }

  setVisible(segmentationId: string, segmentNumber: number, visible: boolean): void {
    const key = `${segmentationId}#${segmentNumber}`;
    if (visible) this.hidden.delete(key);
    else this.hidden.add(key);
    for (const viewId of this.viewIds) {
      segmentation.config.visibility.setSegmentIndexVisibility(
        viewId,
        { segmentationId, type: labelmap },
        segmentNumber,
        visible,
      );
    }
  }

  setColor(segmentationId: string, segmentNumber: number, rgb: readonly number[]): void {
    this.colors.set(`${segmentationId}#${segmentNumber}`, rgb);
    for (const viewId of this.viewIds) this.paint(viewId, segmentationId, segmentNumber, rgb);
  }

  setStyle(style: MaskStyle): void {
    applyMaskStyle(style);
  }

  end(): void {
    eventTarget.removeEventListener(Enums.Events.SEGMENTATION_RENDERED, this.onRendered);
    this.detach(this.viewIds);
    this.forget();
  }

  private forget(): void {
    for (const segmentationId of this.masks.keys()) {
      if (segmentation.state.getSegmentation(segmentationId)) {
        segmentation.removeSegmentation(segmentationId);
      }
    }
    this.masks.clear();
    this.hidden.clear();
    this.colors.clear();
  }

  private draw(mask: LoadedMask): void {
    const { segmentationId } = mask;
    for (const viewId of this.viewIds) {
      segmentation.addLabelmapRepresentationToViewport(viewId, [{ segmentationId, type: labelmap }]);
      for (const { segmentNumber, color } of mask.segments) {
        const key = `${segmentationId}#${segmentNumber}`;
        this.paint(viewId, segmentationId, segmentNumber, this.colors.get(key) ?? color);
        if (this.hidden.has(key)) {
          segmentation.config.visibility.setSegmentIndexVisibility(
            viewId,
            { segmentationId, type: labelmap },
            segmentNumber,
            false,
          );
        }
      }
    }
  }

  private paint(
    viewId: string,
    segmentationId: string,
    segmentNumber: number,
    [red = 0, green = 0, blue = 0]: readonly number[],
  ): void {
    segmentation.config.color.setSegmentIndexColor(viewId, segmentationId, segmentNumber, [
      red,
      green,
      blue,
      255,
    ]);
  }

  private readonly onRendered = (event: Event): void => {
    const { viewportId, segmentationId } = (
      event as CustomEvent<{ viewportId: string; segmentationId: string }>
    ).detail;
    if (!this.masks.has(segmentationId) || !this.viewIds.includes(viewportId)) return;
    if (this.masked.has(viewportId)) return;
    this.masked.set(viewportId, false);
    this.askForPicture(viewportId);
  };
}
