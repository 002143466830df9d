import type { StackViewport } from "@cornerstonejs/core";
import { spreadOf, type Curve } from "@/dicom/display/voi";
import type { WindowRange } from "@/dicom/windowing";

/** What is used of vtk's transfer function. */
interface TransferFunction {
  removeAllPoints(): void;
  addRGBPoint(value: number, red: number, green: number, blue: number): void;
  modified(): void;
}

const mostPoints = 1024;
const straight: Curve = [0, 1];

/**
 * Gives a stack's picture a brightness by value: a table, or a straight line for null. Cornerstone
 * knows windows alone, and stretches whatever function is there when the window changes.
 */
export function setCurve(view: StackViewport, range: WindowRange, curve: Curve | null, invert: boolean): void {
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
