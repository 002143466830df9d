import type { Types } from "@cornerstonejs/core";
import { nearestSlice, type Vector } from "@/dicom/geometry";
import { sharesSpace } from "@/dicom/linking";
import type { StackCell } from "./cell";
import type { Links } from "./links";
import type { CellId, ViewId } from "./view";

/** Where a place lies on the screen of a stack, CSS pixels of its element; null: nowhere. */
export type OnPlace = (viewId: CellId, place: readonly [number, number] | null) => void;

/** One place of the patient in all stacks of its frame of reference: each goes to its nearest slice and marks it. */
export class SharedCursor {
  private isOn = false;

  constructor(
    private readonly cells: () => readonly StackCell[],
    private readonly links: Links,
    private readonly onPlace: OnPlace,
  ) {}

  /** How many other stacks show it. */
  show(sourceId: ViewId, lpsMm: Vector): number {
    const source = this.cells().find(({ viewId }) => viewId === sourceId)?.series;
    if (!source) return 0;
    this.isOn = true;
    let count = 0;
    for (const target of this.cells()) {
      const { series, view, viewId } = target;
      if (viewId === sourceId || !series || !view || !sharesSpace(source.order.slices, series.order.slices)) {
        this.onPlace(viewId, null);
        continue;
      }
      const index = nearestSlice(series.order.slices, lpsMm);
      if (index === null) continue;
      this.links.moveAlone(target, index);
      // Seen along the normal, a point has its place on every slice of the stack.
      const [x, y] = view.worldToCanvas([...lpsMm] as Types.Point3);
      this.onPlace(viewId, [x, y]);
      count += 1;
    }
    return count;
  }

  hide(): void {
    if (!this.isOn) return;
    this.isOn = false;
    for (const { viewId } of this.cells()) this.onPlace(viewId, null);
  }
}
