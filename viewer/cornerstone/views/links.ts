import type { Types } from "@cornerstonejs/core";
import type { Vector } from "@/dicom/geometry";
import {
  add,
  agreement,
  beyondMm,
  followingIndex,
  followingPan,
  isLikeWindow,
  isMoved,
  linkOffsetMm,
  openingIndex,
  sharesSpace,
  subtract,
  windowFor,
  withinPlane,
  type PlaneView,
} from "@/dicom/linking";
import type { StackOffset } from "@/dicom/spyglass";
import type { WindowRange } from "@/dicom/windowing";
import type { StackCell } from "./cell";
import type { CellId } from "./view";

const noOffset: StackOffset = { alongMm: null, within: [0, 0, 0] };

/**
 * Stacks that show the same place of the patient: scrolled, zoomed, panned and windowed together.
 * One that was made to follow moves no other.
 */
export class Links {
  private linked = false;
  private adjusting = false;
  /** Between each two stacks, as they were linked. */
  private readonly measured = new Map<string, StackOffset>();
  /** The same, as a person has adjusted them. */
  private readonly adjusted = new Map<string, StackOffset>();
  private readonly expected = new Map<string, number>();
  private readonly planes = new Map<string, PlaneView>();
  private leading = false;

  constructor(
    private readonly cells: () => readonly StackCell[],
    /** A stack has no slice at the place that the others show: the nearest is so far away, mm; null where it has one. */
    private readonly onBeyond: (viewId: CellId, mm: number | null) => void = () => undefined,
  ) {}

  get on(): boolean {
    return this.linked;
  }

  /** Places that share no frame of reference stay as far apart as they are now. */
  set(linked: boolean): void {
    this.linked = linked;
    this.adjusting = false;
    this.expected.clear();
    this.adjusted.clear();
    for (const { viewId } of this.cells()) this.onBeyond(viewId, null);
    this.measure();
  }

  /** While adjusting, each stack moves alone; afterwards they stay as far apart as they are then. */
  adjust(on: boolean): void {
    if (on === this.adjusting || !this.linked) return;
    this.adjusting = on;
    this.expected.clear();
    for (const { viewId } of this.cells()) this.onBeyond(viewId, null);
    if (on) return;
    for (const [one, other, key] of this.pairs()) {
      this.adjusted.set(key, offsetBetween(one, other, indexOf));
    }
    this.remember();
  }

  /** Takes back what was adjusted; the others go where `leader` is. */
  resetOffset(leader: StackCell | undefined): void {
    this.adjusted.clear();
    if (!leader) return;
    for (const target of this.cells()) {
      if (target === leader) continue;
      this.leadSlice(leader, target);
      this.leadPlane(leader, target, 1);
    }
  }

  /** How far stacks were moved against each other by hand, mm: the farthest of them. */
  get adjustedMm(): number {
    const distances = [...this.adjusted].map(([key, { alongMm, within }]) => {
      const before = this.measured.get(key) ?? noOffset;
      return Math.hypot((alongMm ?? 0) - (before.alongMm ?? 0), ...subtract(within, before.within));
    });
    return Math.max(0, ...distances);
  }

  /**
   * A stack shows another series. Opened again, it goes where `leader` is by now: a series opens
   * where it did before, and what has been scrolled since is made up for.
   */
  opened(cell: StackCell, leader: StackCell | undefined, isAnew: boolean): void {
    for (const key of [...this.adjusted.keys()]) {
      if (key.split(" ").includes(cell.viewId)) this.adjusted.delete(key);
    }
    this.onBeyond(cell.viewId, null);
    this.measure(isAnew ? cell : null);
    if (this.linked && isAnew && leader && leader !== cell && leader.isShown) this.leadSlice(leader, cell);
  }

  /** A stack shows another slice: the others go to the same place. */
  follow(source: StackCell): void {
    if (!this.linked || this.adjusting || !source.series || !source.isShown) return;
    // Several of its pictures may come for one place: it leads only when it goes elsewhere.
    if (this.expected.get(source.viewId) === source.index) return;
    this.expected.delete(source.viewId);
    this.onBeyond(source.viewId, null);
    for (const target of this.cells()) if (target !== source) this.leadSlice(source, target);
  }

  /** Goes to another slice of one stack; the others stay where they are. */
  moveAlone(target: StackCell, index: number): void {
    if (index === target.index) return;
    this.expected.set(target.viewId, index);
    void target.goToIndex(index).catch(() => this.expected.delete(target.viewId));
  }

  /** A stack was zoomed or panned: the others show the same place in the same size. */
  followPlane(source: StackCell): void {
    const now = planeOf(source);
    const before = this.planes.get(source.viewId);
    if (now) this.planes.set(source.viewId, now);
    if (!this.linked || this.adjusting || this.leading || !source.isShown) return;
    if (!now || !before || !isMoved(before, now)) return;
    for (const target of this.cells()) {
      if (target !== source) this.leadPlane(source, target, now.scale / before.scale);
    }
  }

  /** A stack was given another window: those that looked like it still do. */
  followWindow(source: StackCell, before: WindowRange | null): void {
    const { range, opening, inverted } = source.window;
    if (!this.linked || this.leading || !range || !before || !opening || !source.series) return;
    const from = { modality: source.series.modality, opening };
    for (const target of this.cells()) {
      const shown = target.window;
      if (target === source || !target.series || !shown.range || !shown.opening) continue;
      const to = { modality: target.series.modality, opening: shown.opening };
      const [wasLike, next] = [windowFor(before, from, to), windowFor(range, from, to)];
      if (!wasLike || !next || !isLikeWindow(wasLike, shown.range)) continue;
      this.lead(() => {
        shown.set(next);
        if (shown.inverted !== inverted) shown.toggleInvert();
        target.view?.render();
      });
    }
  }

  /**
   * How far the same place lies apart in two stacks, as they are linked. While they are adjusted, or not linked and
   * without a shared frame of reference, they show the same place now.
   */
  between(source: StackCell, target: StackCell): StackOffset {
    const isShared = sharesSpace(source.series?.order.slices ?? [], target.series?.order.slices ?? []);
    return !this.adjusting && (this.linked || isShared) ? this.offset(source, target) : offsetBetween(source, target, indexOf);
  }

  private *pairs(): Generator<[StackCell, StackCell, string]> {
    for (const one of this.cells()) {
      for (const other of this.cells()) {
        if (one !== other && one.series && other.series) yield [one, other, `${one.viewId} ${other.viewId}`];
      }
    }
  }

  /** How far apart the stacks are now; those of `fresh`, as if nothing had been scrolled. */
  private measure(fresh: StackCell | null = null): void {
    this.measured.clear();
    for (const [one, other, key] of this.pairs()) {
      const index = one === fresh || other === fresh ? openingIndexOf : indexOf;
      const isShared = sharesSpace(one.series?.order.slices ?? [], other.series?.order.slices ?? []);
      this.measured.set(key, isShared ? { ...noOffset, alongMm: 0 } : offsetBetween(one, other, index));
    }
    this.remember();
  }

  private remember(): void {
    this.planes.clear();
    for (const cell of this.cells()) {
      const plane = planeOf(cell);
      if (plane) this.planes.set(cell.viewId, plane);
    }
  }

  private offset(source: StackCell, target: StackCell): StackOffset {
    const key = `${source.viewId} ${target.viewId}`;
    return this.adjusted.get(key) ?? this.measured.get(key) ?? noOffset;
  }

  private leadSlice(source: StackCell, target: StackCell): void {
    if (!source.series || !target.series) return;
    const places = [source.series.order.slices, source.index, target.series.order.slices] as const;
    const { alongMm } = this.offset(source, target);
    const place = followingIndex(...places, alongMm);
    this.onBeyond(target.viewId, beyondMm(...places, alongMm));
    const { axis } = target.series.order;
    // Of several images of the place, the one at the step that is shown.
    const index = place === null || !axis ? place : place - (place % axis.steps) + (target.index % axis.steps);
    if (index !== null) this.moveAlone(target, index);
  }

  /** `zoomed`: by which factor the source's scale has changed. */
  private leadPlane(source: StackCell, target: StackCell, zoomed: number): void {
    const [from, to] = [planeOf(source), planeOf(target)];
    const { view } = target;
    if (!from || !to || !view || !source.series || !target.series) return;
    const inMm = source.series.order.hasPixelSpacing && target.series.order.hasPixelSpacing;
    const scale = inMm ? from.scale : to.scale * zoomed;
    const isAlike = agreement(source.series.order.slices, target.series.order.slices) !== 0;
    const pan: Vector = isAlike ? followingPan(from, to, this.offset(source, target).within) : [0, 0, 0];
    const { focalPoint, position, parallelScale } = view.getCamera();
    if (!focalPoint || !position || !parallelScale) return;
    this.lead(() => {
      view.setCamera({
        focalPoint: add(focalPoint, pan) as Types.Point3,
        position: add(position, pan) as Types.Point3,
        parallelScale: (parallelScale * scale) / to.scale,
      });
      view.render();
    });
    const after = planeOf(target);
    if (after) this.planes.set(target.viewId, after);
  }

  /** What the others do now follows from nobody's hand. */
  private lead(change: () => void): void {
    const before = this.leading;
    this.leading = true;
    change();
    this.leading = before;
  }
}

function offsetBetween(one: StackCell, other: StackCell, index: (cell: StackCell) => number): StackOffset {
  const alongMm =
    one.series && other.series
      ? linkOffsetMm(one.series.order.slices, index(one), other.series.order.slices, index(other))
      : null;
  const [from, to] = [planeOf(one), planeOf(other)];
  return { alongMm, within: from && to ? withinPlane(subtract(to.focalPoint, from.focalPoint), to.normal) : [0, 0, 0] };
}

function indexOf(cell: StackCell): number {
  return cell.index;
}

function openingIndexOf(cell: StackCell): number {
  return openingIndex(cell.series?.order.slices ?? []);
}

function planeOf({ view }: StackCell): PlaneView | null {
  const camera = view?.getCamera();
  const height = view?.element.clientHeight;
  if (!camera?.focalPoint || !camera.viewPlaneNormal || !camera.parallelScale || !height) return null;
  return {
    focalPoint: [...camera.focalPoint],
    normal: [...camera.viewPlaneNormal],
    // The parallel scale is half the height of what the viewport shows.
    scale: (2 * camera.parallelScale) / height,
  };
}
