import { spreadOf, type Curve } from "@/dicom/display/voi";
import type { WindowRange } from "@/dicom/windowing";
import type { DrawnView } from "@/cornerstone/views/viewports";

/** What is used of vtk's transfer function. */
interface TransferFunction {
  removeAllPoints(): void;
  addRGBPoint(value: number, red: number, green: number, blue: number): void;
  modified(): void;
}

const mostPoints = 1024;
const straight: Curve = [0, 1];

/**
 * Gives a picture a brightness by value: a table, or a straight line for null. Cornerstone
 * knows windows alone, and stretches whatever function is there when the window changes.
 * Of a view with another series laid over it, the one beneath is meant.
 */
export function setCurve(view: DrawnView, range: WindowRange, curve: Curve | null, invert: boolean): void {
  const { lower, upper } = spreadOf(range, curve);
  const actor = view.getDefaultActor()?.actor as
    | { getProperty?(): { getRGBTransferFunction?(index: number): TransferFunction | null } }
    | undefined;
  const transfer = actor?.getProperty?.().getRGBTransferFunction?.(0);
  if (!transfer) return;
  const values = curve ?? straight;
  const points = Math.min(values.length, mostPoints);
  transfer.removeAllPoints();
  for (let point = 0; point < points; point += 1) {
    const share = point / (points - 1);
    const value = values[Math.round(share * (values.length - 1))] ?? 0;
    const shown = invert ? 1 - value : value;
    transfer.addRGBPoint(lower + share * (upper - lower), shown, shown, shown);
  }
  transfer.modified();
}
