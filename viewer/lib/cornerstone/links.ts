import { followingIndex, linkOffsetMm } from "@/lib/reading/linking";
import type { StackCell } from "./cell";

/** Stacks that are scrolled together; one that was made to follow moves no other. */
export class Links {
  private linked = false;
  private readonly offsets = new Map<string, number | null>();
  private readonly expected = new Map<string, number>();

  constructor(private readonly cells: () => readonly StackCell[]) {}

  get on(): boolean {
    return this.linked;
  }

  /** Places that share no frame of reference stay as far apart as they are now. */
  set(linked: boolean): void {
    this.linked = linked;
    this.expected.clear();
    this.measure();
  }

  /** Measures anew how far apart the stacks are: after one of them shows another series. */
  measure(): void {
    this.offsets.clear();
    for (const one of this.cells()) {
      for (const other of this.cells()) {
        if (one === other || !one.series || !other.series) continue;
        this.offsets.set(
          `${one.viewId} ${other.viewId}`,
          linkOffsetMm(one.series.order.slices, one.index, other.series.order.slices, other.index),
        );
      }
    }
  }

  /** A stack shows another slice: the others go to the same place. */
  follow(source: StackCell): void {
    if (!this.linked || !source.series || !source.isShown) return;
    // Several of its pictures may come for one place: it leads only when it goes elsewhere.
    if (this.expected.get(source.viewId) === source.index) return;
    this.expected.delete(source.viewId);
    for (const target of this.cells()) {
      if (target === source || !target.series) continue;
      const index = followingIndex(
        source.series.order.slices,
        source.index,
        target.series.order.slices,
        this.offsets.get(`${source.viewId} ${target.viewId}`) ?? null,
      );
      if (index === null || index === target.index) continue;
      this.expected.set(target.viewId, index);
      void target.goToIndex(index).catch(() => this.expected.delete(target.viewId));
    }
  }
}
