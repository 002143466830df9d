import { nearestSlice, type Vector } from "@/dicom/geometry";
import { openingIndex } from "@/dicom/linking";
import type { WindowRange } from "@/dicom/windowing";
import type { Presenting } from "./annotations/presenting";
import type { LastViewed } from "./lastViewed";
import type { MaskLayers } from "./masks/layer";
import type { LoadedSeries } from "./series";
import type { TrueSize } from "./trueSize";
import type { StackCell } from "./views/cell";
import type { Links } from "./views/links";
import { indexIn, type Openings } from "./views/openings";
import type { StackCells } from "./views/stackCells";
import type { StackSlabs } from "./views/stackSlabs";
import { planes, type CellId, type Plane } from "./views/view";
import type { Planes } from "./volumes/planes";
import type { VolumeView } from "./volumes/volume";

/** Puts series on the screen: where each was looked at last, or as a shared view asks for. */
export class Showing {
  constructor(
    private readonly openings: Openings,
    private readonly cells: StackCells,
    private readonly planes: Planes,
    private readonly volume: VolumeView,
    private readonly masks: MaskLayers,
    private readonly links: Links,
    private readonly presenting: Presenting,
    private readonly trueSize: TrueSize,
    private readonly slabs: StackSlabs,
    private readonly lastViewed: LastViewed,
    private readonly activeCell: () => StackCell | undefined,
  ) {}

  /** Shows a series as a stack: where it was looked at last, or where it opens. */
  async stack(
    viewId: CellId,
    element: HTMLDivElement,
    series: LoadedSeries,
    through: WindowRange | null,
  ): Promise<void> {
    this.planes.close();
    this.volume.close();
    const cell = this.cells.at(viewId, element);
    const place = this.lastViewed.of(series);
    const asked = this.openings.of(viewId, series);
    const asksFor = indexIn(series, asked);
    const index = asksFor ?? place?.index ?? openingIndex(series.order.slices);
    this.masks.detach(viewId);
    this.lastViewed.remember(cell);
    this.slabs.resume(series);
    if (!(await cell.show(series, index, through))) return;
    if (asked) cell.window.look(asked);
    this.openings.done(viewId);
    this.masks.attach(series.seriesInstanceUid, viewId);
    this.links.opened(cell, this.activeCell(), place === undefined && asksFor === undefined);
    this.trueSize.hang(cell);
    this.presenting.follow(cell);
    cell.view?.render();
  }

  closeCell(viewId: CellId): void {
    this.cells.close(viewId);
  }

  /** Shows a series in three planes through its volume, where it was looked at last. */
  async inPlanes(elements: Record<Plane, HTMLDivElement>, series: LoadedSeries): Promise<void> {
    this.cells.closeAll();
    this.slabs.suspend();
    const asked = this.openings.of("axial", series);
    const near = asked?.center ?? this.lastViewed.of(series)?.point ?? null;
    if (!(await this.planes.show(elements, series, near))) return;
    if (asked) this.planes.window.look(asked);
    this.openings.done("axial");
    for (const plane of planes) this.masks.attach(series.seriesInstanceUid, plane);
    this.trueSize.restore();
  }

  closePlanes(): void {
    const { series, point } = this.planes;
    if (series && point) this.lookAt(series, nearestSlice(series.order.slices, point) ?? 0, point);
    for (const plane of planes) this.masks.detach(plane);
    this.planes.close();
  }

  async asVolume(element: HTMLDivElement, series: LoadedSeries): Promise<void> {
    this.cells.closeAll();
    this.slabs.suspend();
    await this.volume.show(element, series);
  }

  /** Where a series opens next. */
  lookAt(series: LoadedSeries, index: number, point: Vector | null): void {
    this.lastViewed.set(series, index, point);
  }
}
