import { StackViewport, VolumeViewport } from "@cornerstonejs/core";
import { spreadOf, windowMovedTo, type Curve, type Voi } from "@/dicom/display/voi";
import type { Look } from "@/dicom/display/shades";
import type { WindowRange } from "@/dicom/windowing";
import { volumeIdOf } from "@/cornerstone/volumes/volumes";
import { setCurve } from "./curve";
import type { PlaneWindow } from "./regionWindow";
import type { LoadedSeries } from "@/cornerstone/series";
import type { DrawnView } from "@/cornerstone/views/viewports";

/** What a reader has set of a series: found again when the series is shown elsewhere. */
interface Kept {
  opening: Voi | null;
  range: WindowRange | null;
  /** Brightness over the range where a table or a function gives it. */
  curve: Curve | null;
  inverted: boolean;
}

/** What Cornerstone says of a window; a volume's is stated by the values that it is drawn over. */
type Modified = Partial<PlaneWindow> & Pick<PlaneWindow, "viewportId">;

/** The windows that were set, by series, for as long as the reader is open. */
export type KeptWindows = Map<string, Kept>;

/** The window and inversion of one series, the same in all the views that it has here. */
export class SeriesWindow {
  private seriesInstanceUid = "";
  private lowIsBright = false;
  private opensInverted = false;
  private volumeId = "";
  private kept: Kept = { opening: null, range: null, curve: null, inverted: false };
  /** True while the pictures are drawn by a table. */
  private isCurved = false;
  /** True while the window is the reader's: Cornerstone sets one of its own with every new stack. */
  private settled = false;

  constructor(
    private readonly views: () => DrawnView[],
    private readonly windows: KeptWindows,
  ) {}

  /** The window that the series opened with. */
  get opening(): WindowRange | null {
    return this.kept.opening?.range ?? null;
  }

  get range(): WindowRange | null {
    return this.kept.range;
  }

  /** As its pictures are drawn: `inverted` is what a reader sees as such, the values of MONOCHROME1 apart. */
  get drawnLook(): Look {
    return { range: this.kept.range, curve: this.kept.curve, isInverted: this.kept.range ? this.isInverted : this.kept.inverted };
  }

  get inverted(): boolean {
    return this.kept.inverted;
  }

  /** Another series opens with its own window; one that was seen before keeps the reader's. */
  open(series: LoadedSeries, voi: Voi | null, through: WindowRange | null = null): void {
    this.seriesInstanceUid = series.seriesInstanceUid;
    this.lowIsBright = series.lowIsBright;
    this.opensInverted = series.opensInverted;
    this.volumeId = volumeIdOf(series);
    const before = this.windows.get(series.seriesInstanceUid);
    this.kept = before ?? {
      opening: voi,
      range: voi && (through ?? voi.range),
      curve: through ? null : (voi?.curve ?? null),
      inverted: series.opensInverted,
    };
    this.keep();
  }

  set(range: WindowRange, curve: Curve | null = null): void {
    this.change({ range, curve });
    this.apply();
  }

  /** As a view that somebody shared has it; `window` is null where that has none. */
  look({ window, inverted }: { window: WindowRange | null; inverted: boolean }): void {
    const { range } = this.kept;
    const isSame = !window || (range?.lower === window.lower && range.upper === window.upper);
    // The curve of the header belongs to the header's window.
    this.change(isSame || !range ? { inverted } : { range: window, curve: null, inverted });
    this.apply();
  }

  /** As a presentation state asks: whether low values are bright is for the state to say. */
  present(voi: Voi | null, inverse: boolean | null): void {
    const look = voi ?? this.kept.opening;
    this.change({
      range: look?.range ?? null,
      curve: look?.curve ?? null,
      inverted: inverse === null ? false : inverse !== this.lowIsBright,
    });
    this.apply();
  }

  toggleInvert(): void {
    this.change({ inverted: !this.kept.inverted });
    this.apply();
  }

  /** Back to the opening window, on the next apply. */
  reset(): void {
    const { opening } = this.kept;
    this.change({ range: opening?.range ?? null, curve: opening?.curve ?? null, inverted: this.opensInverted });
  }

  /** Until the next apply, what the views report is Cornerstone's window and not the reader's. */
  unsettle(): void {
    this.settled = false;
  }

  apply(): void {
    if (!this.kept.range) {
      this.applyColor();
      return;
    }
    const { lower, upper } = this.kept.range;
    const invert = this.isInverted;
    this.settled = false;
    for (const view of this.views()) {
      // A stack view ignores a window equal to its own and then forgets it at the next slice.
      view.setProperties({ voiRange: { lower, upper: upper + (upper - lower) * 1e-6 } });
      view.setProperties({ voiRange: { lower, upper }, invert });
      if (this.kept.curve || this.isCurved) setCurve(view, { lower, upper }, this.kept.curve, invert);
    }
    this.isCurved = this.kept.curve !== null;
    this.settled = true;
  }

  /** Cornerstone draws the next image of a stack by a straight line where a curve reaches beyond the window. */
  keepCurve(): void {
    const { range, curve } = this.kept;
    if (!range || !curve) return;
    for (const view of this.views()) {
      if (view instanceof StackViewport) setCurve(view, range, curve, this.isInverted);
    }
  }

  /** A window dragged in one plane holds for all three. Says whether it was the reader who set another one. */
  readonly onModified = (event: Event): boolean => {
    const { detail } = event as CustomEvent<Modified>;
    const { range, viewportId, volumeId } = detail;
    // A series that is laid over this one has a window of its own.
    if (volumeId !== undefined && volumeId !== this.volumeId) return false;
    const current = this.kept.range;
    if (!range || !current || !this.settled) return false;
    const { curve } = this.kept;
    // A plane has no window but the values that it is drawn over; a stack keeps the one it was given.
    const isDrawn = volumeId !== undefined && !detail.isWindow;
    const known = isDrawn ? spreadOf(current, curve) : current;
    if (range.lower === known.lower && range.upper === known.upper) return false;
    const next = isDrawn ? windowMovedTo(range, current, curve) : { lower: range.lower, upper: range.upper };
    this.change({ range: next });
    for (const view of this.views()) {
      if (view.id !== viewportId && view instanceof VolumeViewport) {
        view.setProperties({ voiRange: next }, undefined, true);
      }
      // Cornerstone has stretched it over the window, which some curves reach beyond.
      if (curve) setCurve(view, next, curve, this.isInverted);
      if (view instanceof VolumeViewport && (curve || view.id !== viewportId)) view.render();
    }
    return true;
  };

  private get isInverted(): boolean {
    return this.kept.inverted !== this.lowIsBright;
  }

  /** A colour image has no window; it can be inverted all the same. */
  private applyColor(): void {
    for (const view of this.views()) view.setProperties({ invert: this.kept.inverted });
  }

  private change(next: Partial<Kept>): void {
    this.kept = { ...this.kept, ...next };
    this.keep();
  }

  private keep(): void {
    if (this.seriesInstanceUid) this.windows.set(this.seriesInstanceUid, this.kept);
  }
}
