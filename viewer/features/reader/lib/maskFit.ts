import type { LoadedSeries } from "@/cornerstone";
import { cross, dot, planeNormal, type Vector } from "@/dicom/geometry";
import { numbersOf, stringOf } from "@/dicom/dicomweb";
import { text } from "@/shared/i18n";
import type { MaskSource } from "@/dicom/seg";
import { segGridOf, type SegGrid } from "@/dicom/segGrid";

const parallelCosine = 0.999;

/** How a segmentation can be drawn over a series. */
export type MaskFit =
  /** As it is, pixel by pixel. */
  | { kind: "fits" }
  /** Brought onto the images, `notes` saying what that did to it. */
  | { kind: "resampled"; grid: SegGrid; notes: readonly string[] }
  /** Not at all, and why, in a sentence. */
  | { kind: "refused"; why: string };

/** Whether a segmentation lies on the pixels of a series, and what can be done where it does not. */
export function maskFit(source: MaskSource, series: Pick<LoadedSeries, "modality" | "order">): MaskFit {
  const t = text().refusals.mask;
  const [slice] = series.order.slices;
  if (series.modality === "SM") return { kind: "refused", why: t.wholeSlide };
  if (!slice) return { kind: "fits" };
  const notes = notesOf(source, slice.dataset);
  if (notes.length === 0) return { kind: "fits" };
  const grid = segGridOf(source.header);
  if (typeof grid === "string") return { kind: "refused", why: t.grid[grid] };
  const own = grid.frameOfReferenceUid;
  if (own === "" || own !== stringOf(slice.dataset, "00200052")) return { kind: "refused", why: t.otherFrame };
  return { kind: "resampled", grid, notes };
}

/** What keeps it from being drawn as it is; none where nothing does. */
function notesOf(source: MaskSource, image: MaskSource["header"]): string[] {
  const t = text().viewing.maskNotes;
  const notes: string[] = [];
  const [rows = 0] = numbersOf(image, "00280010");
  const [columns = 0] = numbersOf(image, "00280011");
  const normal = planeNormal(image);
  const own = normalOf(source.orientation);
  if (normal && own && Math.abs(dot(normal, own)) < parallelCosine) notes.push(t.oblique);
  else if (source.rows !== rows || source.columns !== columns) {
    notes.push(t.matrix(`${source.columns} × ${source.rows}`, `${columns} × ${rows}`));
  }
  if (source.segmentationType === "FRACTIONAL") {
    if (source.fractionalType === "PROBABILITY") notes.push(t.probability);
    else notes.push(source.fractionalType === "OCCUPANCY" ? t.occupancy : t.fractional);
  }
  return notes;
}

function normalOf(cosines: readonly number[]): Vector | null {
  if (cosines.length !== 6) return null;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = cosines;
  return cross([a, b, c], [d, e, f]);
}
