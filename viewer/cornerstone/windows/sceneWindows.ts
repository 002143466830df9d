import type { WindowRange } from "@/dicom/windowing";
import type { Links } from "@/cornerstone/views/links";
import type { Planes } from "@/cornerstone/volumes/planes";
import type { StackCells } from "@/cornerstone/views/stackCells";
import { isCell, viewIdOf, type ViewId } from "@/cornerstone/views/view";
import type { SeriesWindow } from "./window";

/** The windows of the stacks and the planes of a scene: a change of the active one is followed by those that are linked. */
export class SceneWindows {
  constructor(
    private readonly cells: StackCells,
    private readonly planes: Planes,
    private readonly links: Links,
    private readonly activeId: () => ViewId,
    private readonly render: () => void,
  ) {}

  of(viewId: string): SeriesWindow | null {
    if (isCell(viewId)) return this.cells.get(viewId)?.window ?? null;
    return this.planes.isOpen ? this.planes.window : null;
  }

  get active(): SeriesWindow | null {
    return this.of(this.planes.isOpen ? "axial" : this.activeId());
  }

  /** Changes the active window, and with it those that are linked. */
  change(how: (window: SeriesWindow) => void): void {
    const window = this.active;
    if (!window) return;
    const before = window.range;
    how(window);
    const cell = this.planes.isOpen ? undefined : this.cells.get(this.activeId());
    if (cell) this.links.followWindow(cell, before);
    this.render();
  }

  /** The window of a view was changed with the mouse. */
  readonly onModified = (event: Event): void => {
    const window = this.of(viewIdOf(event));
    const before: WindowRange | null = window?.range ?? null;
    const cell = this.cells.of(event);
    if (window?.onModified(event) && cell) this.links.followWindow(cell, before);
  };
}
