import { nearestSlice, type Vector } from "@/dicom/geometry";
import { stringOf } from "@/dicom/dicomweb";
import type { WindowRange } from "@/dicom/windowing";
import type { LoadedSeries } from "./series";
import type { StackCell } from "./views/cell";
import type { Links } from "./views/links";
import type { Planes } from "./volumes/planes";

const frameOfReference = ({ order }: LoadedSeries) => stringOf(order.slices[0]?.dataset ?? {}, "00200052");

/** Where another window of the reader looks: the views of its frame of reference look there, too. */
export class InStep {
  constructor(
    private readonly cells: () => readonly StackCell[],
    private readonly planes: Planes,
    private readonly links: Links,
    private readonly render: () => void,
  ) {}

  goTo(frameOfReferenceUid: string, lpsMm: Vector): void {
    const { series, isOpen } = this.planes;
    if (isOpen && series && frameOfReference(series) === frameOfReferenceUid) this.planes.goToPoint(lpsMm);
    for (const cell of this.cells()) {
      if (!cell.series || frameOfReference(cell.series) !== frameOfReferenceUid) continue;
      const index = nearestSlice(cell.series.order.slices, lpsMm);
      if (index !== null) this.links.moveAlone(cell, index);
    }
  }

  /** The window of another window's images, for those of the same modality. */
  setWindow(modality: string, range: WindowRange): void {
    const { series, isOpen, window } = this.planes;
    if (isOpen && series?.modality === modality) window.set(range, null);
    for (const cell of this.cells()) if (cell.series?.modality === modality) cell.window.set(range, null);
    this.render();
  }
}
