import type { Vector } from "@/dicom/geometry";
import type { StackCell } from "./views/cell";
import { keyOf, type LoadedSeries } from "./series";

/** Where each series was looked at last. */
export class LastViewed {
  private readonly places = new Map<string, { index: number; point: Vector | null }>();

  of(series: LoadedSeries): { index: number; point: Vector | null } | undefined {
    return this.places.get(keyOf(series));
  }

  set(series: LoadedSeries, index: number, point: Vector | null): void {
    this.places.set(keyOf(series), { index, point });
  }

  /** A stack that shows something else from now on. */
  remember({ series, index, point }: StackCell): void {
    // A point within the open slice, such as a segment's middle, says more than the slice's.
    if (!series || this.of(series)?.index === index) return;
    this.set(series, index, point);
  }
}
