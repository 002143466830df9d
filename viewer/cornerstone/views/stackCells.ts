import { Enums } from "@cornerstonejs/core";
import type { LastViewed } from "@/cornerstone/lastViewed";
import type { MaskLayers } from "@/cornerstone/masks/layer";
import type { MouseTools } from "@/cornerstone/tools";
import { StackCell, type CellListener } from "./cell";
import { viewIdOf, type CellId } from "./view";
import type { Viewports } from "./viewports";
import type { KeptWindows } from "@/cornerstone/windows/window";

/** The stacks of a layout, each made when its place first shows something, and taken away with it. */
export class StackCells {
  private readonly cells = new Map<CellId, StackCell>();

  constructor(
    private readonly views: Viewports,
    private readonly mouse: MouseTools,
    private readonly masks: MaskLayers,
    private readonly lastViewed: LastViewed,
    private readonly listener: CellListener,
    private readonly windows: KeptWindows,
  ) {}

  get all(): ReadonlyMap<CellId, StackCell> {
    return this.cells;
  }

  readonly shown = (): StackCell[] => [...this.cells.values()].filter(({ isShown }) => isShown);

  get(viewId: string): StackCell | undefined {
    return this.cells.get(viewId as CellId);
  }

  /** Of the view that an event of Cornerstone's came from. */
  of(event: Event): StackCell | undefined {
    return this.get(viewIdOf(event));
  }

  /** The stack of a place; another one where its element is another. */
  at(viewId: CellId, element: HTMLDivElement): StackCell {
    const before = this.cells.get(viewId);
    if (before && this.views.has(viewId, element)) return before;
    this.close(viewId);
    const cell = new StackCell(viewId, this.views, this.listener, this.windows);
    this.views.enable({ viewId, element, type: Enums.ViewportType.STACK });
    this.cells.set(viewId, cell);
    this.mouse.attach(viewId);
    return cell;
  }

  close(viewId: CellId): void {
    const cell = this.cells.get(viewId);
    if (!cell) return;
    this.lastViewed.remember(cell);
    this.masks.detach(viewId);
    this.mouse.detach(viewId);
    cell.end();
    this.cells.delete(viewId);
    this.views.disable(viewId);
  }

  closeAll(): void {
    for (const viewId of [...this.cells.keys()]) this.close(viewId);
  }

  /** Loads the rest of every stack in the background. */
  prefetch(): void {
    for (const cell of this.cells.values()) cell.prefetch();
  }
}
