import { VolumeViewport } from "@cornerstonejs/core";
import type { WindowRange } from "@/lib/windowing";
import type { LoadedSeries } from "./series";
import type { Viewports } from "./viewports";

/** The window and inversion of the open series, the same in all of its views. */
export class SeriesWindow {
  private seriesInstanceUid = "";
  private lowIsBright = false;
  private openingRange: WindowRange | null = null;
  private current: WindowRange | null = null;
  private isInverted = false;
  /** True while the window is the reader's: Cornerstone sets one of its own with every new stack. */
  private settled = false;

  constructor(private readonly views: Viewports) {}

  /** The window that the series opened with. */
  get opening(): WindowRange | null {
    return this.openingRange;
  }

  get range(): WindowRange | null {
    return this.current;
  }

  get inverted(): boolean {
    return this.isInverted;
  }

  /** Another series opens with its own window; the same one keeps the reader's. */
  open(series: LoadedSeries, range: WindowRange | null): void {
    if (this.seriesInstanceUid === series.seriesInstanceUid) return;
    this.seriesInstanceUid = series.seriesInstanceUid;
    this.lowIsBright = series.lowIsBright;
    this.openingRange = range;
    this.reset();
  }

  set(range: WindowRange): void {
    this.current = range;
    this.apply();
  }

  toggleInvert(): void {
    this.isInverted = !this.isInverted;
    this.apply();
  }

  /** Back to the opening window, on the next apply. */
  reset(): void {
    this.current = this.openingRange;
    this.isInverted = false;
  }

  /** Until the next apply, what the views report is Cornerstone's window and not the reader's. */
  unsettle(): void {
    this.settled = false;
  }

  apply(): void {
    if (!this.current) return;
    const { lower, upper } = this.current;
    const invert = this.isInverted !== this.lowIsBright;
    this.settled = false;
    for (const view of this.views.all()) {
      // A stack view ignores a window equal to its own and then forgets it at the next slice.
      view.setProperties({ voiRange: { lower, upper: upper + (upper - lower) * 1e-6 } });
      view.setProperties({ voiRange: { lower, upper }, invert });
    }
    this.settled = true;
  }

  /** A window dragged in one plane holds for all three. */
  readonly onModified = (event: Event): void => {
    const { range, viewportId } = (event as CustomEvent<{ range?: WindowRange; viewportId: string }>)
      .detail;
    if (!range || !this.current || !this.settled) return;
    if (range.lower === this.current.lower && range.upper === this.current.upper) return;
    this.current = { lower: range.lower, upper: range.upper };
    for (const view of this.views.all()) {
      if (view.id !== viewportId && view instanceof VolumeViewport) {
        view.setProperties({ voiRange: this.current }, undefined, true);
        view.render();
      }
    }
  };
}
