import type { Vector } from "@/dicom/geometry";
import type { StackCell } from "./views/cell";
import type { Planes } from "./volumes/planes";
import { scrollSense } from "./views/scrolling";
import { isCell, type CellId, type ViewId } from "./views/view";
import type { Viewports } from "./views/viewports";

/** From slice to slice and image to image: in the stacks and the planes of a scene. */
export class Navigation {
  constructor(
    private readonly cells: ReadonlyMap<CellId, StackCell>,
    private readonly views: Viewports,
    private readonly planes: Planes,
    private readonly activeId: () => ViewId,
    private readonly onError: (error: Error) => void,
  ) {}

  /** Moves by slices in one view, or in the active one. */
  scrollBy(slices: number, viewId?: ViewId): void {
    const id = viewId ?? (this.planes.isOpen ? "axial" : this.activeId());
    const plane = this.views.plane(id);
    plane?.scroll(slices * scrollSense(plane));
    const cell = isCell(id) ? this.cells.get(id) : undefined;
    if (cell?.isShown) void this.reportingErrors(cell.move(slices, 0));
  }

  /** Goes along the second axis of the active stack; nowhere where its series has none. */
  stepAxis(steps: number): void {
    const cell = this.activeCell;
    if (cell?.isShown && cell.series?.order.axis) void this.reportingErrors(cell.move(0, steps));
  }

  /** Shows a place of a series: by the instance in its stacks, by the point in planes. */
  async goTo(sopInstanceUid: string, frameNumber: number, pointLpsMm: Vector | null): Promise<void> {
    if (this.planes.isOpen && pointLpsMm) this.planes.goToPoint(pointLpsMm);
    const holding = [...this.cells.values()].filter(
      (cell) => cell.indexOf(sopInstanceUid, frameNumber) !== null,
    );
    const cell = holding.find(({ viewId }) => viewId === this.activeId()) ?? holding[0];
    const index = cell?.indexOf(sopInstanceUid, frameNumber) ?? null;
    if (cell && index !== null) await this.reportingErrors(cell.goToIndex(index));
  }

  private get activeCell(): StackCell | undefined {
    return this.cells.get(this.activeId() as CellId);
  }

  private async reportingErrors(going: Promise<void>): Promise<void> {
    try {
      await going;
    } catch (error) {
      this.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
