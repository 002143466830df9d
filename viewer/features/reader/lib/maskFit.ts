import type { LoadedSeries } from "@/cornerstone";
import { cross, dot, planeNormal, type Slice, type Vector } from "@/dicom/geometry";
import { numbersOf, stringOf } from "@/dicom/dicomweb";
import { text } from "@/shared/i18n";
import type { MaskSource } from "@/dicom/seg";
import { segGridOf, type SegGrid } from "@/dicom/segGrid";
import { hasNoPlaces, segPlacesOf, type SegPlaces } from "@/dicom/segPlaces";

const parallelCosine = 0.999;

/** How a segmentation can be drawn over a series. */
export type MaskFit =
  /** As it is, pixel by pixel. */
  | { kind: "fits" }
  /** Brought onto the images, `notes` saying what that did to it. */
  | { kind: "resampled"; grid: SegGrid; notes: readonly string[] }
  /** Over the images that its frames name, which state no place in the patient. */
  | { kind: "placed"; places: SegPlaces; notes: readonly string[] }
  /** Not at all, and why, in a sentence. */
  | { kind: "refused"; why: string };

/** Whether a segmentation lies on the pixels of a series, and what can be done where it does not. */
export function maskFit(source: MaskSource, series: Pick<LoadedSeries, "modality" | "order">): MaskFit {
  const t = text().refusals.mask;
  const [slice] = series.order.slices;
  if (series.modality === "SM") return { kind: "refused", why: t.wholeSlide };
  if (!slice) return { kind: "fits" };
  if (hasNoPlaces(source.header, series.order.slices)) return placed(source, series.order.slices);
  const notes = notesOf(source, slice.dataset);
  if (notes.length === 0) return { kind: "fits" };
  const grid = segGridOf(source.header);
  if (typeof grid === "string") return { kind: "refused", why: t.grid[grid] };
  const own = grid.frameOfReferenceUid;
  if (own === "" || own !== stringOf(slice.dataset, "00200052")) return { kind: "refused", why: t.otherFrame };
  return { kind: "resampled", grid, notes };
}

function placed(source: MaskSource, slices: readonly Slice[]): MaskFit {
  const places = segPlacesOf(source.header, slices);
  if (typeof places === "string") return { kind: "refused", why: text().refusals.mask.grid[places] };
  return { kind: "placed", places, notes: [text().viewing.maskNotes.placed, ...fractionalNotes(source)] };
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
  return [...notes, ...fractionalNotes(source)];
}

function fractionalNotes({ segmentationType, fractionalType }: MaskSource): string[] {
  const t = text().viewing.maskNotes;
  if (segmentationType !== "FRACTIONAL") return [];
  if (fractionalType === "PROBABILITY") return [t.probability];
  return [fractionalType === "OCCUPANCY" ? t.occupancy : t.fractional];
}

function normalOf(cosines: readonly number[]): Vector | null {
  if (cosines.length !== 6) return null;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = cosines;
  return cross([a, b, c], [d, e, f]);
}
