import { imageLoader, type StackViewport, type Types } from "@cornerstonejs/core";
import { middleOf, type Vector } from "@/dicom/geometry";
import type { WindowRange } from "@/dicom/windowing";
import { FrameWatch } from "@/cornerstone/frames";
import { clamp, openingVoi, prefetch, type LoadedSeries } from "@/cornerstone/series";
import { indexAt } from "@/dicom/secondAxis";
import { setImagesOfPlace } from "./scrolling";
import { undrawable, type Undrawable } from "./undrawable";
import type { CellId } from "./view";
import type { Viewports } from "./viewports";
import { SeriesWindow, type KeptWindows } from "@/cornerstone/windows/window";

export interface CellListener {
  onLoading(viewId: CellId, loaded: number, total: number): void;
  /** The open frame cannot be drawn; null while none is known to fail. */
  onUndrawable(viewId: CellId, undrawable: Undrawable | null): void;
}

/** One stack of a layout: a series, the slice that is open, and its window. */
export class StackCell {
  readonly window: SeriesWindow;
  readonly frames: FrameWatch;
  series: LoadedSeries | null = null;
  /** True once the series is on the screen, at the slice that it opened with; before, there is none to go on from. */
  isShown = false;
  private showing: Promise<boolean> = Promise.resolve(false);
  private stopPrefetch: () => void = () => undefined;
  private ended = false;

  constructor(
    readonly viewId: CellId,
    private readonly views: Viewports,
    private readonly listener: CellListener,
    windows: KeptWindows,
  ) {
    this.window = new SeriesWindow(() => (this.view ? [this.view] : []), windows);
    this.frames = new FrameWatch((imageId, reason) => this.tellOfFrame(imageId, reason));
  }

  get view(): StackViewport | null {
    return this.views.stack(this.viewId);
  }

  /**
   * Shows a series at an index, and the first time through a window when one is given; false when
   * something else was asked for meanwhile.
   */
  show(series: LoadedSeries, index: number, through: WindowRange | null): Promise<boolean> {
    this.showing = this.open(series, index, through);
    return this.showing;
  }

  get index(): number {
    return this.view?.getCurrentImageIdIndex() ?? 0;
  }

  /** Whether the slice that was asked for is on the screen. */
  get isSettled(): boolean {
    const image = this.view?.getCornerstoneImage() as { imageId: string } | undefined;
    return image?.imageId === this.view?.getCurrentImageId();
  }

  /** The middle of the open slice: LPS, mm. */
  get point(): Vector | null {
    const slice = this.series?.order.slices[this.index];
    return slice ? middleOf(slice.dataset) : null;
  }

  /** Where a frame of an instance stands in the stack; null when it is none of the series. */
  indexOf(sopInstanceUid: string, frameNumber: number): number | null {
    if (!this.series?.indexOfSopInstanceUid.has(sopInstanceUid)) return null;
    const index = this.series.order.slices.findIndex(
      (slice) => slice.sopInstanceUid === sopInstanceUid && slice.frameNumber === frameNumber,
    );
    return index < 0 ? null : index;
  }

  /** Goes to an index of the series, once it is shown, if that is still the one here by then. */
  async goToIndex(index: number): Promise<void> {
    const { series } = this;
    // Who shows the series is informed of its failure.
    await this.showing.catch(() => false);
    const { view } = this;
    if (!view || !series || this.isPast(series)) return;
    const wanted = clamp(index, series.imageIds.length);
    if (wanted !== view.getCurrentImageIdIndex()) await view.setImageIdIndex(wanted);
  }

  /** Draws the open image again, its pixels having changed, through another window; null: the one it opened with. */
  async redraw(windowOf: ((image: Types.IImage) => WindowRange) | "same" | null): Promise<void> {
    // One that is on its way may have loaded what it was before. Who shows the series is informed of its failure.
    await this.showing.catch(() => false);
    const { view, series, index } = this;
    const imageId = series?.imageIds[index];
    if (!view || !series || imageId === undefined || !this.isShown) return;
    this.window.unsettle();
    const image = await this.frames.orFailure(imageId, imageLoader.loadAndCacheImage(imageId));
    if (!image || this.isPast(series)) return;
    await this.frames.orFailure(imageId, view.setStack(series.imageIds, index));
    if (this.isPast(series)) return;
    if (windowOf && windowOf !== "same") this.window.set(windowOf(image));
    else {
      if (windowOf === null) this.window.reset();
      this.window.apply();
    }
    view.render();
  }

  /** Goes by places and by steps of the second axis, where the series has one; else by images. */
  async move(places: number, steps: number): Promise<void> {
    const { series, index } = this;
    const axis = series?.order.axis;
    if (!series || !axis) return this.goToIndex(index + places);
    const place = Math.floor(index / axis.steps) + places;
    return this.goToIndex(indexAt(axis, series.imageIds.length, place, (index % axis.steps) + steps));
  }

  /**
   * Loads the rest of the stack, from the open slice outwards. Asked for when nothing more urgent
   * is wanted of the node: a browser opens six connections, and a mask would wait behind them all.
   */
  prefetch(): void {
    if (!this.view || !this.series || this.ended) return;
    this.stopPrefetch();
    this.stopPrefetch = prefetch(this.series, this.index, (loaded, total) =>
      this.listener.onLoading(this.viewId, loaded, total),
    );
  }

  end(): void {
    this.ended = true;
    this.stopPrefetch();
    this.frames.end();
  }

  private async open(series: LoadedSeries, index: number, through: WindowRange | null): Promise<boolean> {
    this.stopPrefetch();
    this.window.unsettle();
    this.isShown = false;
    if (this.series !== series) this.frames.forget();
    this.series = series;
    const first = clamp(index, series.imageIds.length);
    const imageId = series.imageIds[first];
    const { view } = this;
    if (!view || imageId === undefined) return false;
    this.frames.ask(imageId);
    const voi = await this.frames.orFailure(imageId, openingVoi(imageId));
    if (this.isPast(series)) return false;
    this.window.open(series, voi, through);
    await this.frames.orFailure(imageId, view.setStack(series.imageIds, first));
    if (this.isPast(series)) return false;
    this.window.apply();
    setImagesOfPlace(view.element, series.order.axis?.steps ?? 1);
    this.isShown = true;
    return true;
  }

  private isPast(series: LoadedSeries): boolean {
    return this.ended || this.series !== series;
  }

  private tellOfFrame(imageId: string, reason: string | null): void {
    if (this.ended || !this.series) return;
    const frame = undrawable(this.series, imageId, reason ?? "");
    if (!frame) return;
    if (reason === null) this.listener.onUndrawable(this.viewId, null);
    else if (this.frames.isAsked(imageId)) this.listener.onUndrawable(this.viewId, frame);
  }
}
