import type { Vector } from "@/dicom/geometry";
import { valueAt, type ValueAt } from "./values/values";
import type { StackCell } from "./views/cell";
import type { Planes } from "./volumes/planes";
import { isCell, type CellId, type ViewId } from "./views/view";
import type { DrawnView, Viewports } from "./views/viewports";

/** What lies at a point of a view, in CSS pixels of its element: a value, and a place of the patient. */
export class Places {
  constructor(
    private readonly cells: ReadonlyMap<CellId, StackCell>,
    private readonly views: Viewports,
    private readonly planes: Planes,
    private readonly activeView: () => DrawnView | null,
  ) {}

  valueAt(viewId: ViewId, point: [number, number]): ValueAt | null {
    const view = this.views.get(viewId);
    const series = isCell(viewId) ? this.cells.get(viewId)?.series : this.planes.series;
    return view && series ? valueAt(view, point, series, isCell(viewId) ? null : this.planes.slab) : null;
  }

  /** Which place of the patient a view shows there, LPS in mm; null where it shows none. */
  lpsAt(viewId: ViewId, point: [number, number]): Vector | null {
    const view = this.views.get(viewId);
    return view ? [...view.canvasToWorld(point)] : null;
  }

  /** The same, of a point of the window. */
  lpsAtWindow(viewId: ViewId, { x, y }: { x: number; y: number }): Vector | null {
    const box = this.views.get(viewId)?.element.getBoundingClientRect();
    return box ? this.lpsAt(viewId, [x - box.left, y - box.top]) : null;
  }

  /** That in the middle of the active view. */
  lpsInMiddle(): Vector | null {
    const view = this.activeView();
    if (!view) return null;
    const { clientWidth, clientHeight } = view.element;
    return [...view.canvasToWorld([clientWidth / 2, clientHeight / 2])];
  }
}
