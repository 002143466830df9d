import { followingIndex, linkOffsetMm, openingIndex } from "@/lib/reading/linking";
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

  /**
   * A stack shows another series. Opened anew, it goes where `leader` is by now: every series opens
   * in its middle, and what has been scrolled since is made up for.
   */
  opened(cell: StackCell, leader: StackCell | undefined, isAnew: boolean): void {
    this.measure(isAnew ? cell : null);
    if (this.linked && isAnew && leader && leader !== cell && leader.isShown) this.lead(leader, cell);
  }

  /** A stack shows another slice: the others go to the same place. */
  follow(source: StackCell): void {
    if (!this.linked || !source.series || !source.isShown) return;
    // Several of its pictures may come for one place: it leads only when it goes elsewhere.
    if (this.expected.get(source.viewId) === source.index) return;
    this.expected.delete(source.viewId);
    for (const target of this.cells()) if (target !== source) this.lead(source, target);
  }

  /** How far apart the stacks are now; those of `fresh`, as if nothing had been scrolled. */
  private measure(fresh: StackCell | null = null): void {
    this.offsets.clear();
    for (const one of this.cells()) {
      for (const other of this.cells()) {
        if (one === other || !one.series || !other.series) continue;
        const index = one === fresh || other === fresh ? middleOf : indexOf;
        this.offsets.set(
          `${one.viewId} ${other.viewId}`,
          linkOffsetMm(one.series.order.slices, index(one), other.series.order.slices, index(other)),
        );
      }
    }
  }

  private lead(source: StackCell, target: StackCell): void {
    if (!source.series || !target.series) return;
    const index = followingIndex(
      source.series.order.slices,
      source.index,
      target.series.order.slices,
      this.offsets.get(`${source.viewId} ${target.viewId}`) ?? null,
    );
    if (index === null || index === target.index) return;
    this.expected.set(target.viewId, index);
    void target.goToIndex(index).catch(() => this.expected.delete(target.viewId));
  }
}

function indexOf(cell: StackCell): number {
  return cell.index;
}

function middleOf(cell: StackCell): number {
  return openingIndex(cell.series?.imageIds.length ?? 0);
}
