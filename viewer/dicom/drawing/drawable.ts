import { numbersOf, stringOf } from "@/dicom/dicomweb";
import { pixelSpacingOf } from "@/dicom/geometry";
import type { SliceOrder } from "@/dicom/sliceOrder";
import { text } from "@/shared/i18n";

/** The grid that is drawn on. */
export interface DrawGrid {
  slices: number;
  rows: number;
  columns: number;
  rowSpacingMm: number;
  columnSpacingMm: number;
  /** From one slice to the next along the normal, so that a sheared stack counts rightly. */
  gapMm: number;
  voxelMm3: number;
  frameOfReferenceUid: string;
}

/** The grid of a series, or why nothing can be segmented on it, in a sentence. */
export function drawGridOf({ slices, stackRefusal, axis }: SliceOrder): DrawGrid | string {
  const t = text().viewing.drawing;
  const [first] = slices;
  const last = slices.at(-1);
  if (axis) return t.severalStacks;
  if (stackRefusal || !first || !last) return stackRefusal || t.noStack;
  const spacing = pixelSpacingOf(first.dataset);
  const frameOfReferenceUid = stringOf(first.dataset, "00200052");
  const gapMm = ((last.positionMm ?? 0) - (first.positionMm ?? 0)) / (slices.length - 1);
  if (!spacing || !(gapMm > 0)) return t.noStack;
  const [rowSpacingMm, columnSpacingMm] = spacing;
  return {
    slices: slices.length,
    rows: numbersOf(first.dataset, "00280010")[0] ?? 0,
    columns: numbersOf(first.dataset, "00280011")[0] ?? 0,
    rowSpacingMm,
    columnSpacingMm,
    gapMm,
    voxelMm3: rowSpacingMm * columnSpacingMm * gapMm,
    frameOfReferenceUid,
  };
}
