import { eventTarget } from "@cornerstonejs/core";
import { Enums, segmentation } from "@cornerstonejs/tools";
import type { LoadedMask } from "./mask";
import { applyMaskStyle, applySegmentStyle, type MaskStyle, type SegmentStyle } from "@/cornerstone/runtime";
import type { LoadedSeries } from "@/cornerstone/series";

const labelmap = Enums.SegmentationRepresentations.Labelmap;

/** The masks of one series over the views that show it; what is hidden stays hidden. */
export class MaskLayer {
  private readonly masks = new Map<string, LoadedMask>();
  private readonly hidden = new Set<string>();
  private readonly colors = new Map<string, readonly number[]>();
  /** What the reader chose stays, whatever colour a finding has. */
  private readonly chosen = new Map<string, readonly number[]>();
  /** Views that were handed a mask: true once a picture with it was drawn. */
  private readonly masked = new Map<string, boolean>();
  private viewIds: string[] = [];
  private veiled = false;

  /** A mask that was handed to a view is seen from its next picture on, which is asked for. */
  constructor(private readonly askForPicture: (viewId: string) => void) {
    eventTarget.addEventListener(Enums.Events.SEGMENTATION_RENDERED, this.onRendered);
  }

  /** Puts the masks on a view that was just enabled. */
  attach(viewId: string): void {
    this.detach(viewId);
    this.viewIds.push(viewId);
    for (const mask of this.masks.values()) this.draw(mask, viewId);
  }

  detach(viewId: string): void {
    if (!this.viewIds.includes(viewId)) return;
    segmentation.removeSegmentationRepresentations(viewId, {});
    this.viewIds = this.viewIds.filter((other) => other !== viewId);
    this.masked.delete(viewId);
  }

  has(segmentationId: string): boolean {
    return this.masks.has(segmentationId);
  }

  /** Whether the picture that a view has just drawn is its first one with a mask. */
  isFirstPictureOf(viewId: string): boolean {
    if (this.masked.get(viewId) !== false) return false;
    this.masked.set(viewId, true);
    return true;
  }

  add(mask: LoadedMask): void {
    this.masks.set(mask.segmentationId, mask);
    for (const viewId of this.viewIds) this.draw(mask, viewId);
  }

  /** Takes a mask away that was on the screen only while it was made. */
  remove(segmentationId: string): void {
    this.masks.delete(segmentationId);
    for (const viewId of this.viewIds) segmentation.removeSegmentationRepresentations(viewId, { segmentationId });
    if (segmentation.state.getSegmentation(segmentationId)) segmentation.removeSegmentation(segmentationId);
  }

  setVisible(segmentationId: string, segmentNumber: number, visible: boolean): void {
    const key = `${segmentationId}#${segmentNumber}`;
    if (visible) this.hidden.delete(key);
    else this.hidden.add(key);
    for (const viewId of this.viewIds) this.show(viewId, segmentationId, segmentNumber);
  }

  /** Draws none of the segments for a while; which are hidden stays as it was. */
  setVeiled(veiled: boolean): void {
    this.veiled = veiled;
    for (const { segmentationId, segments } of this.masks.values()) {
      for (const { segmentNumber } of segments) for (const viewId of this.viewIds) this.show(viewId, segmentationId, segmentNumber);
    }
  }

  private show(viewId: string, segmentationId: string, segmentNumber: number): void {
    const isShown = !this.veiled && !this.hidden.has(`${segmentationId}#${segmentNumber}`);
    segmentation.config.visibility.setSegmentIndexVisibility(viewId, { segmentationId, type: labelmap }, segmentNumber, isShown);
  }

  setColor(segmentationId: string, segmentNumber: number, rgb: readonly number[]): void {
    const key = `${segmentationId}#${segmentNumber}`;
    this.colors.set(key, rgb);
    this.paintAll(segmentationId, segmentNumber, this.chosen.get(key) ?? rgb);
  }

  chooseColor(segmentationId: string, segmentNumber: number, rgb: readonly number[]): void {
    this.chosen.set(`${segmentationId}#${segmentNumber}`, rgb);
    this.paintAll(segmentationId, segmentNumber, rgb);
  }

  end(): void {
    eventTarget.removeEventListener(Enums.Events.SEGMENTATION_RENDERED, this.onRendered);
    for (const viewId of [...this.viewIds]) this.detach(viewId);
    for (const segmentationId of this.masks.keys()) {
      if (segmentation.state.getSegmentation(segmentationId)) {
        segmentation.removeSegmentation(segmentationId);
      }
    }
    this.masks.clear();
  }

  private draw(mask: LoadedMask, viewId: string): void {
    const { segmentationId } = mask;
    segmentation.addLabelmapRepresentationToViewport(viewId, [{ segmentationId, type: labelmap }]);
    for (const { segmentNumber, color } of mask.segments) {
      const key = `${segmentationId}#${segmentNumber}`;
      this.paint(viewId, segmentationId, segmentNumber, this.chosen.get(key) ?? this.colors.get(key) ?? color);
      if (this.veiled || this.hidden.has(key)) this.show(viewId, segmentationId, segmentNumber);
    }
  }

  private paintAll(segmentationId: string, segmentNumber: number, rgb: readonly number[]): void {
    for (const viewId of this.viewIds) this.paint(viewId, segmentationId, segmentNumber, rgb);
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

/** The masks of every series that was open, each over the views that show its series. */
export class MaskLayers {
  private readonly layers = new Map<string, MaskLayer>();

  /** `onChange` draws all views again; `beforeAdding` comes before a mask joins their pictures. */
  constructor(
    private readonly askForPicture: (viewId: string) => void,
    private readonly onChange: () => void,
    private readonly beforeAdding: () => void,
  ) {}

  attach(seriesInstanceUid: string, viewId: string): void {
    this.detach(viewId);
    this.of(seriesInstanceUid).attach(viewId);
  }

  detach(viewId: string): void {
    for (const layer of this.layers.values()) layer.detach(viewId);
  }

  add(series: LoadedSeries, mask: LoadedMask): void {
    this.beforeAdding();
    this.of(series.seriesInstanceUid).add(mask);
    this.onChange();
  }

  remove({ segmentationId }: LoadedMask): void {
    this.with(segmentationId)?.remove(segmentationId);
    this.onChange();
  }

  setVisible({ segmentationId }: LoadedMask, segmentNumber: number, visible: boolean): void {
    this.with(segmentationId)?.setVisible(segmentationId, segmentNumber, visible);
    this.onChange();
  }

  /** Draws no mask for a while; which segments are hidden stays as it was. */
  setVeiled(veiled: boolean): void {
    for (const layer of this.layers.values()) layer.setVeiled(veiled);
    this.onChange();
  }

  setColor({ segmentationId }: LoadedMask, segmentNumber: number, rgb: readonly number[]): void {
    this.with(segmentationId)?.setColor(segmentationId, segmentNumber, rgb);
    this.onChange();
  }

  chooseColor({ segmentationId }: LoadedMask, segmentNumber: number, rgb: readonly number[]): void {
    this.with(segmentationId)?.chooseColor(segmentationId, segmentNumber, rgb);
    this.onChange();
  }

  /** For all masks, or for one of them. */
  setStyle(style: MaskStyle, mask?: LoadedMask): void {
    applyMaskStyle(style, mask?.segmentationId);
    this.onChange();
  }

  setSegmentStyle({ segmentationId }: LoadedMask, segmentNumber: number, style: SegmentStyle): void {
    applySegmentStyle(segmentationId, segmentNumber, style);
    this.onChange();
  }

  isFirstPictureOf(viewId: string): boolean {
    return [...this.layers.values()].some((layer) => layer.isFirstPictureOf(viewId));
  }

  end(): void {
    for (const layer of this.layers.values()) layer.end();
    this.layers.clear();
  }

  private with(segmentationId: string): MaskLayer | undefined {
    return [...this.layers.values()].find((layer) => layer.has(segmentationId));
  }

  private of(seriesInstanceUid: string): MaskLayer {
    const layer = this.layers.get(seriesInstanceUid) ?? new MaskLayer(this.askForPicture);
    this.layers.set(seriesInstanceUid, layer);
    return layer;
  }
}
