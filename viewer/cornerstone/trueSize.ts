import { calibrationOf } from "@/dicom/calibration/calibration";
import { trueMmPerDrawnMm } from "@/dicom/calibration/trueSize";
import { hangMammograms } from "./views/breast";
import type { StackCell } from "./views/cell";
import { planes } from "./views/names";
import { drawnPlane } from "./views/plane";
import type { Planes } from "./volumes/planes";
import type { DrawnView, Viewports } from "./views/viewports";

const alike = 1e-6;

/** How large images are: as they fit their viewports, or the patient as large as it is, where they say how large that is. */
export class TrueSize {
  /** mm of the screen in a CSS pixel; null while images fit their viewports. */
  private mmPerPixel: number | null = null;
  /** Half the height that a view was given, in the mm that it draws; one zoomed by hand since is left alone. */
  private readonly given = new Map<string, number>();

  constructor(
    private readonly cells: () => StackCell[],
    private readonly planes: Planes,
    private readonly views: Viewports,
    private readonly activeId: () => string,
  ) {}

  /** From now on, in all viewports; null: as they fit. */
  set(mmPerPixel: number | null): void {
    const { given } = this;
    if (mmPerPixel === null && this.mmPerPixel === null) return;
    this.mmPerPixel = mmPerPixel;
    if (mmPerPixel === null) {
      for (const viewId of given.keys()) {
        const view = this.views.get(viewId);
        view?.resetCamera({ resetToCenter: false, suppressEvents: true });
        view?.render();
      }
      if (given.size > 0 && this.planes.isOpen) this.planes.reset();
    }
    given.clear();
    hangMammograms(this.cells(), (cell) => this.scaleOf(cell));
    this.apply(() => true);
  }

  /** Before what would change a view's scale: forgets those that were zoomed by hand. */
  leaveZoomed(): void {
    for (const [viewId, scale] of this.given) {
      const now = this.views.get(viewId)?.getCamera().parallelScale;
      if (now === undefined || Math.abs(now - scale) > alike * scale) this.given.delete(viewId);
    }
  }

  /** Mammograms back to back, and again in true size what had it; also `opened`, which shows something else now. */
  hang(opened?: StackCell): void {
    hangMammograms(this.cells(), (cell) => this.scaleOf(cell));
    this.apply((viewId) => viewId === opened?.viewId || this.given.has(viewId));
  }

  /** The image of a view is another one. */
  again(): void {
    this.apply((viewId) => this.given.has(viewId));
  }

  /** Where a view, or the planes, were fitted again. */
  restore(): void {
    this.leaveZoomed();
    hangMammograms(this.cells(), (cell) => this.scaleOf(cell));
    this.apply((viewId) => this.planes.isOpen || viewId === this.activeId() || this.given.has(viewId));
  }

  /** Half the height of a stack's view in the mm that it draws; null where its image has no size, or should fit. */
  private scaleOf({ series, index, view }: StackCell): number | null {
    const dataset = series?.order.slices[index]?.dataset;
    const imageId = view?.getCurrentImageId();
    if (!view || !dataset || !imageId) return null;
    const factor = trueMmPerDrawnMm(calibrationOf(dataset), drawnPlane(imageId));
    return factor === null ? null : this.halfHeight(view, factor);
  }

  private halfHeight({ element }: DrawnView, trueMmPerMm: number): number | null {
    const screen = this.mmPerPixel === null ? 0 : element.clientHeight * this.mmPerPixel;
    return screen > 0 ? screen / 2 / trueMmPerMm : null;
  }

  private apply(isWanted: (viewId: string) => boolean): void {
    if (this.mmPerPixel === null) return;
    for (const cell of this.cells()) if (isWanted(cell.viewId)) this.give(cell.view, this.scaleOf(cell));
    const hasSize = this.planes.series?.order.hasPixelSpacing ?? false;
    for (const plane of hasSize ? planes : []) {
      const view = this.views.plane(plane);
      if (view && isWanted(plane)) this.give(view, this.halfHeight(view, 1));
    }
  }

  private give(view: DrawnView | null, parallelScale: number | null): void {
    if (!view || parallelScale === null) return;
    view.setCamera({ parallelScale });
    this.given.set(view.id, parallelScale);
    view.render();
  }
}
