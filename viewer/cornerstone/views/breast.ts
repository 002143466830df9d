import type { StackViewport, Types } from "@cornerstonejs/core";
import { numbersOf } from "@/dicom/dicomweb";
import { imageViews } from "@/dicom/imageView";
import { breastPlacement, orientationInPatient, patientOrientationOf, type BreastPlacement } from "@/dicom/patientOrientation";
import type { StackCell } from "./cell";
import { drawnPlane, worldOf } from "./plane";

interface Mammogram {
  cell: StackCell;
  view: StackViewport;
  placement: BreastPlacement;
  columns: number;
  rows: number;
}

function mammogramIn(cell: StackCell): Mammogram | null {
  const { view, series, index, isShown } = cell;
  const dataset = series?.order.slices[index]?.dataset;
  if (!view || !dataset || !isShown || series?.modality !== "MG") return null;
  const [image] = imageViews([dataset]);
  const placement = image && breastPlacement(image.laterality, patientOrientationOf(dataset) ?? orientationInPatient(dataset));
  const [columns = 0] = numbersOf(dataset, "00280011");
  const [rows = 0] = numbersOf(dataset, "00280010");
  return placement && columns > 0 && rows > 0 ? { cell, view, placement, columns, rows } : null;
}

/** Half the height of what a viewport must show of the patient for the whole image to be in it, mm. */
function scaleToFit({ view, columns, rows }: Mammogram): number {
  const { columnSpacing, rowSpacing } = drawnPlane(view.getCurrentImageId() ?? "");
  const { clientWidth, clientHeight } = view.element;
  return Math.max(rows * rowSpacing, (columns * columnSpacing * clientHeight) / Math.max(1, clientWidth)) / 2;
}

/**
 * Hangs the mammograms of a layout back to back: turned as they are read, the chest walls at the edges
 * of their viewports, and a millimetre of one as large as one of the other;
 * by `trueScaleOf` where that is not null.
 */
export function hangMammograms(cells: readonly StackCell[], trueScaleOf: (cell: StackCell) => number | null): void {
  const found = cells.flatMap((cell) => mammogramIn(cell) ?? []);
  const scale = Math.max(0, ...found.map(scaleToFit));
  for (const one of found) hang(one, trueScaleOf(one.cell) ?? scale);
}

function hang({ view, placement, columns, rows }: Mammogram, scale: number): void {
  view.setViewPresentation({ rotation: 0, flipHorizontal: false, flipVertical: false });
  view.resetCamera();
  const { flipHorizontal, flipVertical, chestWall, isAtLastColumn } = placement;
  view.setViewPresentation({ flipHorizontal, flipVertical });
  view.setCamera({ parallelScale: scale });
  const { clientWidth, clientHeight } = view.element;
  const wall = worldOf(drawnPlane(view.getCurrentImageId() ?? ""), [isAtLastColumn ? columns : 0, rows / 2]);
  // The point that is at the wall's place now moves there.
  const at = view.canvasToWorld([chestWall === "right" ? clientWidth : 0, clientHeight / 2]);
  const { focalPoint, position } = view.getCamera();
  if (!focalPoint || !position) return;
  const moved = (point: Types.Point3) => point.map((value, axis) => value + (wall[axis] ?? 0) - (at[axis] ?? 0)) as Types.Point3;
  view.setCamera({ focalPoint: moved(focalPoint), position: moved(position) });
  view.render();
}
