import {
  Enums as CoreEnums,
  RenderingEngine,
  setVolumesForViewports,
  StackViewport,
  StreamingImageVolume,
  volumeLoader,
  VolumeViewport,
} from "@cornerstonejs/core";
import { middleOf, type Vector } from "@/lib/geometry";
import type { WindowRange } from "@/lib/windowing";
import { MaskLayer } from "./layer";
import type { LoadedMask } from "./mask";
import { start, type MaskStyle, type ToolName } from "./runtime";
import { openingWindow, prefetch, type LoadedSeries } from "./series";
import { MouseTools } from "./tools";
import { planes, viewInfo, type Plane, type ViewId, type ViewInfo } from "./view";

export interface SceneListener {
  onView(info: ViewInfo): void;
  onLoading(loaded: number, total: number): void;
  onMaskDrawn(viewId: ViewId): void;
  onError(error: Error): void;
}

const orientationOf: Record<Plane, CoreEnums.OrientationAxis> = {
  axial: CoreEnums.OrientationAxis.AXIAL,
  sagittal: CoreEnums.OrientationAxis.SAGITTAL,
  coronal: CoreEnums.OrientationAxis.CORONAL,
};

let sceneCount = 0;

/** One reader: one series in one view or in three planes, with its masks. */
export class Scene {
  private readonly id = `scene-${(sceneCount += 1)}`;
  private readonly engine: RenderingEngine;
  private readonly mouse: MouseTools;
  private readonly layer: MaskLayer;
  private series: LoadedSeries | null = null;
  private stopPrefetch: () => void = () => undefined;
  private openedSeriesInstanceUid = "";
  private opened: WindowRange | null = null;
  private current: WindowRange | null = null;
  private inverted = false;
  /** True while the window is the reader's: Cornerstone sets one of its own with every new stack. */
  private windowSettled = false;
  private readonly elements = new Map<ViewId, HTMLDivElement>();
  /** Where the planes look; kept because a mask that is added to a view centres it anew. */
  private lookedAt: Vector | null = null;
  private resizeTimer: ReturnType<typeof setTimeout> | undefined;
  private ended = false;

  private constructor(private readonly listener: SceneListener) {
    this.engine = new RenderingEngine(this.id);
    this.mouse = new MouseTools(this.id);
    this.layer = new MaskLayer((viewId) => listener.onMaskDrawn(viewId as ViewId));
  }

  static async open(listener: SceneListener): Promise<Scene> {
    await start();
    return new Scene(listener);
  }

  /** Shows a series as a stack, from the middle unless an index is given. */
  async showStack(element: HTMLDivElement, series: LoadedSeries, index?: number): Promise<void> {
    this.clear();
    this.series = series;
    const first = clamp(index ?? Math.floor(series.imageIds.length / 2), series.imageIds.length);
    this.enable([{ viewId: "stack", element, type: CoreEnums.ViewportType.STACK }]);
    const imageId = series.imageIds[first];
    const view = this.stack();
    if (!view || imageId === undefined) return;
    const range = await openingWindow(imageId);
    if (this.ended || this.series !== series) return;
    if (this.openedSeriesInstanceUid !== series.seriesInstanceUid) {
      this.openedSeriesInstanceUid = series.seriesInstanceUid;
      this.opened = range;
      this.current = range;
      this.inverted = false;
    }
    await view.setStack(series.imageIds, first);
    this.applyWindow();
    this.layer.attach(series.seriesInstanceUid, ["stack"]);
    view.render();
  }

  /**
   * Loads the rest of the stack, from the open slice outwards. Asked for when nothing more urgent
   * is wanted of the node: a browser opens six connections, and a mask would wait behind them all.
   */
  prefetch(): void {
    const view = this.stack();
    if (!view || !this.series || this.ended) return;
    this.stopPrefetch();
    this.stopPrefetch = prefetch(this.series, view.getCurrentImageIdIndex(), (loaded, total) =>
      this.listener.onLoading(loaded, total),
    );
  }

  /** Shows a series in three planes through its volume, near a point when one is given. */
  async showPlanes(
    elements: Record<Plane, HTMLDivElement>,
    series: LoadedSeries,
    near: Vector | null,
  ): Promise<void> {
    this.clear();
    this.series = series;
    this.enable(
      planes.map((plane) => ({
        viewId: plane,
        element: elements[plane],
        type: CoreEnums.ViewportType.ORTHOGRAPHIC,
        orientation: orientationOf[plane],
      })),
    );
    const volumeId = `cornerstoneStreamingImageVolume:${series.seriesInstanceUid}`;
    const volume = await volumeLoader.createAndCacheVolume(volumeId, { imageIds: series.imageIds });
    if (this.ended || this.series !== series) return;
    let loaded = 0;
    if (volume instanceof StreamingImageVolume) {
      volume.load(() => {
        loaded = Math.min(loaded + 1, series.imageIds.length);
        this.listener.onLoading(loaded, series.imageIds.length);
      });
    }
    await setVolumesForViewports(this.engine, [{ volumeId }], [...planes]);
    if (this.ended || this.series !== series) return;
    this.applyWindow();
    this.layer.attach(series.seriesInstanceUid, [...planes]);
    // Switching the crosshairs on centres the planes; the place to look at comes after.
    this.mouse.useCrosshairs(true);
    if (near) this.goToPoint(near);
    this.engine.renderViewports([...planes]);
  }

  addMask(mask: LoadedMask): void {
    if (!this.series) return;
    this.lookedAt = this.mouse.center;
    this.layer.add(this.series.seriesInstanceUid, mask, [...this.elements.keys()]);
    this.render();
  }

  setSegment(mask: LoadedMask, segmentNumber: number, visible: boolean): void {
    this.layer.setVisible(mask.segmentationId, segmentNumber, visible);
    this.render();
  }

  setSegmentColor(mask: LoadedMask, segmentNumber: number, rgb: readonly number[]): void {
    this.layer.setColor(mask.segmentationId, segmentNumber, rgb);
    this.render();
  }

  setMaskStyle(style: MaskStyle): void {
    this.layer.setStyle(style);
    this.render();
  }

  useTool(tool: ToolName): void {
    this.mouse.use(tool);
  }

  removeMeasurements(): void {
    this.mouse.removeMeasurements();
    this.render();
  }

  setWindow(range: WindowRange): void {
    this.current = range;
    this.applyWindow();
    this.render();
  }

  /** The window that the series opened with. */
  get openingRange(): WindowRange | null {
    return this.opened;
  }

  toggleInvert(): void {
    this.inverted = !this.inverted;
    this.applyWindow();
    this.render();
  }

  /** Back to the opening window, zoom and position; the slice stays. */
  reset(): void {
    this.current = this.opened;
    this.inverted = false;
    for (const viewId of this.elements.keys()) {
      const view = this.engine.getViewport(viewId);
      view?.resetCamera(viewId === "stack" ? {} : { resetToCenter: false });
    }
    this.applyWindow();
    this.render();
  }

  /** Moves by slices in one view, or in the first one shown. */
  scrollBy(slices: number, viewId?: ViewId): void {
    const id = viewId ?? this.elements.keys().next().value;
    if (id === undefined) return;
    const view = this.engine.getViewport(id);
    if (view instanceof StackViewport) {
      void this.goToIndex(view.getCurrentImageIdIndex() + slices);
    } else if (view instanceof VolumeViewport) {
      view.scroll(slices);
    }
  }

  async goToIndex(index: number): Promise<void> {
    const view = this.stack();
    if (!view || !this.series) return;
    try {
      await view.setImageIdIndex(clamp(index, this.series.imageIds.length));
    } catch (error) {
      this.listener.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Shows a place in the patient: by the instance in a stack, by the point in planes. */
  async goTo(sopInstanceUid: string, pointLpsMm: Vector | null): Promise<void> {
    const index = this.series?.indexOfSopInstanceUid.get(sopInstanceUid);
    if (this.stack() && index !== undefined) await this.goToIndex(index);
    else if (pointLpsMm) this.goToPoint(pointLpsMm);
  }

  /**
   * Fits the views to their elements. Cornerstone drops a resize that meets a frame being drawn and
   * leaves the image stretched, so it is asked again until every canvas has its element's shape.
   */
  resize(attempts = 20): void {
    clearTimeout(this.resizeTimer);
    if (this.ended || this.elements.size === 0) return;
    this.engine.resize(true, true);
    const fits = [...this.elements].every(([viewId, element]) => {
      const canvas = this.engine.getViewport(viewId)?.canvas;
      return canvas && hasShapeOf(canvas, element);
    });
    if (!fits && attempts > 0) this.resizeTimer = setTimeout(() => this.resize(attempts - 1), 50);
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.resizeTimer);
    this.stopPrefetch();
    this.layer.end();
    this.mouse.end();
    this.engine.destroy();
  }

  private stack(): StackViewport | null {
    if (!this.elements.has("stack")) return null;
    const view = this.engine.getViewport("stack");
    return view instanceof StackViewport ? view : null;
  }

  /** The place that is being looked at: the middle of the open slice, or where the planes cross. */
  get point(): Vector | null {
    const view = this.stack();
    if (!view) return this.mouse.center;
    const slice = this.series?.order.slices[view.getCurrentImageIdIndex()];
    return slice ? middleOf(slice.dataset) : null;
  }

  private goToPoint(point: Vector): void {
    this.lookedAt = point;
    for (const plane of planes) {
      const view = this.engine.getViewport(plane);
      if (view instanceof VolumeViewport) view.jumpToWorld(point);
    }
    this.mouse.moveCrosshairs(point);
  }

  private enable(
    inputs: {
      viewId: ViewId;
      element: HTMLDivElement;
      type: CoreEnums.ViewportType;
      orientation?: CoreEnums.OrientationAxis;
    }[],
  ): void {
    this.engine.setViewports(
      inputs.map(({ viewId, element, type, orientation }) => ({
        viewportId: viewId,
        element,
        type,
        defaultOptions: { background: [0, 0, 0], ...(orientation ? { orientation } : {}) },
      })),
    );
    for (const { viewId, element } of inputs) {
      this.elements.set(viewId, element);
      element.addEventListener(CoreEnums.Events.IMAGE_RENDERED, this.onRendered);
      element.addEventListener(CoreEnums.Events.VOI_MODIFIED, this.onWindow);
      element.addEventListener(CoreEnums.Events.ACTORS_CHANGED, this.onActors);
      this.mouse.attach(viewId);
    }
  }

  private clear(): void {
    this.lookedAt = null;
    this.windowSettled = false;
    this.stopPrefetch();
    this.mouse.useCrosshairs(false);
    this.layer.detach([...this.elements.keys()]);
    for (const [viewId, element] of this.elements) {
      element.removeEventListener(CoreEnums.Events.IMAGE_RENDERED, this.onRendered);
      element.removeEventListener(CoreEnums.Events.VOI_MODIFIED, this.onWindow);
      element.removeEventListener(CoreEnums.Events.ACTORS_CHANGED, this.onActors);
      this.mouse.detach(viewId);
      this.engine.disableElement(viewId);
    }
    this.elements.clear();
  }

  private applyWindow(): void {
    if (!this.current) return;
    const { lower, upper } = this.current;
    const invert = this.inverted !== (this.series?.lowIsBright ?? false);
    this.windowSettled = false;
    for (const viewId of this.elements.keys()) {
      const view = this.engine.getViewport(viewId);
      if (view instanceof StackViewport || view instanceof VolumeViewport) {
        // A stack view ignores a window equal to its own and then forgets it at the next slice.
        view.setProperties({ voiRange: { lower, upper: upper + (upper - lower) * 1e-6 } });
        view.setProperties({ voiRange: { lower, upper }, invert });
      }
    }
    this.windowSettled = true;
  }

  private render(): void {
    const viewIds = [...this.elements.keys()];
    if (!this.ended && viewIds.length > 0) this.engine.renderViewports(viewIds);
  }

  /** A window dragged in one plane holds for all three. */
  private readonly onWindow = (event: Event): void => {
    const { range, viewportId } = (event as CustomEvent<{ range?: WindowRange; viewportId: string }>)
      .detail;
    if (!range || !this.current || !this.windowSettled) return;
    if (range.lower === this.current.lower && range.upper === this.current.upper) return;
    this.current = { lower: range.lower, upper: range.upper };
    for (const viewId of this.elements.keys()) {
      const view = this.engine.getViewport(viewId);
      if (viewId !== viewportId && view instanceof VolumeViewport) {
        view.setProperties({ voiRange: this.current }, undefined, true);
        view.render();
      }
    }
  };

  private readonly onActors = (): void => {
    if (this.lookedAt && !this.stack()) this.goToPoint(this.lookedAt);
  };

  private readonly onRendered = (event: Event): void => {
    const { viewportId } = (event as CustomEvent<{ viewportId: string }>).detail;
    const view = this.engine.getViewport(viewportId);
    if (!(view instanceof StackViewport || view instanceof VolumeViewport)) return;
    if (view instanceof StackViewport && view.getImageIds().length === 0) return;
    this.listener.onView(viewInfo(view, this.current, this.inverted));
  };
}

function clamp(index: number, length: number): number {
  return Math.max(0, Math.min(length - 1, index));
}

const roundingPx = 2;

function hasShapeOf(canvas: HTMLCanvasElement, element: HTMLElement): boolean {
  const ratio = window.devicePixelRatio;
  return (
    Math.abs(canvas.width - element.clientWidth * ratio) <= roundingPx * ratio &&
    Math.abs(canvas.height - element.clientHeight * ratio) <= roundingPx * ratio
  );
}
