import {
  Enums as CoreEnums,
  RenderingEngine,
  setVolumesForViewports,
  StreamingImageVolume,
  volumeLoader,
  VolumeViewport,
} from "@cornerstonejs/core";
import { middleOf, type Vector } from "@/lib/geometry";
import type { WindowRange } from "@/lib/windowing";
import { FrameWatch } from "./frames";
import { MaskLayer } from "./layer";
import type { LoadedMask } from "./mask";
import { start, type MaskStyle, type ToolName } from "./runtime";
import { clamp, openingWindow, prefetch, type LoadedSeries } from "./series";
import { MouseTools } from "./tools";
import { missingInPlanes, undrawable, type Undrawable } from "./undrawable";
import { planes, viewInfo, type Plane, type ViewId, type ViewInfo } from "./view";
import { Viewports, type ViewInput } from "./viewports";
import { SeriesWindow } from "./window";

export interface SceneListener {
  onView(info: ViewInfo): void;
  onLoading(loaded: number, total: number): void;
  onMaskDrawn(viewId: ViewId): void;
  /** The open frame of the stack cannot be drawn; null while none is known to fail. */
  onUndrawable(undrawable: Undrawable | null): void;
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
  private readonly frames: FrameWatch;
  private readonly views: Viewports;
  private readonly window: SeriesWindow;
  private series: LoadedSeries | null = null;
  private stopPrefetch: () => void = () => undefined;
  /** Where the planes look; kept because a mask that is added to a view centres it anew. */
  private lookedAt: Vector | null = null;
  private ended = false;

  private constructor(private readonly listener: SceneListener) {
    this.engine = new RenderingEngine(this.id);
    this.mouse = new MouseTools(this.id);
    this.frames = new FrameWatch((imageId, reason) => this.tellOfFrame(imageId, reason));
    this.views = new Viewports(this.engine, {
      [CoreEnums.Events.IMAGE_RENDERED]: this.onRendered,
      [CoreEnums.Events.PRE_STACK_NEW_IMAGE]: this.frames.onAsked,
      [CoreEnums.Events.STACK_NEW_IMAGE]: this.frames.onDrawn,
      [CoreEnums.Events.VOI_MODIFIED]: (event) => this.window.onModified(event),
      [CoreEnums.Events.ACTORS_CHANGED]: this.onActors,
    });
    this.window = new SeriesWindow(this.views);
    this.layer = new MaskLayer((viewId) => this.views.get(viewId)?.render());
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
    this.open([{ viewId: "stack", element, type: CoreEnums.ViewportType.STACK }]);
    const imageId = series.imageIds[first];
    const view = this.views.stack;
    if (!view || imageId === undefined) return;
    this.frames.ask(imageId);
    const range = await this.frames.orFailure(imageId, openingWindow(imageId));
    if (this.ended || this.series !== series) return;
    this.window.open(series, range);
    await this.frames.orFailure(imageId, view.setStack(series.imageIds, first));
    if (this.ended || this.series !== series) return;
    this.window.apply();
    this.layer.attach(series.seriesInstanceUid, ["stack"]);
    view.render();
  }

  /**
   * Loads the rest of the stack, from the open slice outwards. Asked for when nothing more urgent
   * is wanted of the node: a browser opens six connections, and a mask would wait behind them all.
   */
  prefetch(): void {
    const view = this.views.stack;
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
    this.open(
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
    this.window.apply();
    this.layer.attach(series.seriesInstanceUid, [...planes]);
    // Switching the crosshairs on centres the planes; the place to look at comes after.
    this.mouse.useCrosshairs(true);
    if (near) this.goToPoint(near);
    this.engine.renderViewports([...planes]);
  }

  addMask(mask: LoadedMask): void {
    if (!this.series) return;
    this.lookedAt = this.mouse.center;
    this.layer.add(this.series.seriesInstanceUid, mask, this.views.ids);
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
    this.window.set(range);
    this.render();
  }

  /** The window that the series opened with. */
  get openingRange(): WindowRange | null {
    return this.window.opening;
  }

  toggleInvert(): void {
    this.window.toggleInvert();
    this.render();
  }

  /** Back to the opening window, zoom and position; the slice stays. */
  reset(): void {
    this.window.reset();
    for (const view of this.views.all()) {
      view.resetCamera(view.id === "stack" ? {} : { resetToCenter: false });
    }
    this.window.apply();
    this.render();
  }

  /** Moves by slices in one view, or in the first one shown. */
  scrollBy(slices: number, viewId?: ViewId): void {
    const id = viewId ?? this.views.ids[0];
    const view = id === undefined ? null : this.views.get(id);
    if (view instanceof VolumeViewport) view.scroll(slices);
    else if (view) void this.goToIndex(view.getCurrentImageIdIndex() + slices);
  }

  async goToIndex(index: number): Promise<void> {
    const view = this.views.stack;
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
    if (this.views.stack && index !== undefined) await this.goToIndex(index);
    else if (pointLpsMm) this.goToPoint(pointLpsMm);
  }

  resize(): void {
    if (!this.ended) this.views.resize();
  }

  end(): void {
    this.ended = true;
    this.stopPrefetch();
    this.frames.end();
    this.layer.end();
    this.views.end();
    this.mouse.end();
    this.engine.destroy();
  }

  /** The place that is being looked at: the middle of the open slice, or where the planes cross. */
  get point(): Vector | null {
    const view = this.views.stack;
    if (!view) return this.mouse.center;
    const slice = this.series?.order.slices[view.getCurrentImageIdIndex()];
    return slice ? middleOf(slice.dataset) : null;
  }

  private goToPoint(point: Vector): void {
    this.lookedAt = point;
    for (const plane of planes) {
      const view = this.views.get(plane);
      if (view instanceof VolumeViewport) view.jumpToWorld(point);
    }
    this.mouse.moveCrosshairs(point);
  }

  private open(inputs: readonly ViewInput[]): void {
    this.views.enable(inputs);
    for (const { viewId } of inputs) this.mouse.attach(viewId);
  }

  private clear(): void {
    this.lookedAt = null;
    this.frames.ask("");
    this.window.unsettle();
    this.stopPrefetch();
    this.mouse.useCrosshairs(false);
    this.layer.detach(this.views.ids);
    for (const viewId of this.views.ids) this.mouse.detach(viewId);
    this.views.clear();
  }

  private render(): void {
    if (!this.ended) this.views.render();
  }

  private tellOfFrame(imageId: string, reason: string | null): void {
    if (this.ended || !this.series) return;
    const frame = undrawable(this.series, imageId, reason ?? "");
    if (!frame) return;
    if (!this.views.stack) {
      if (reason !== null) this.listener.onError(new Error(missingInPlanes));
    } else if (reason === null) {
      this.listener.onUndrawable(null);
    } else if (this.frames.isAsked(imageId)) {
      this.listener.onUndrawable(frame);
    }
  }

  private readonly onActors = (): void => {
    if (this.lookedAt && !this.views.stack) this.goToPoint(this.lookedAt);
  };

  private readonly onRendered = (event: Event): void => {
    const { viewportId } = (event as CustomEvent<{ viewportId: string }>).detail;
    const view = this.views.get(viewportId);
    if (!view || (!(view instanceof VolumeViewport) && view.getImageIds().length === 0)) return;
    this.listener.onView(viewInfo(view, this.window.range, this.window.inverted));
    if (this.layer.isFirstPictureOf(view.id)) this.listener.onMaskDrawn(view.id as ViewId);
  };
}
