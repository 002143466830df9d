import type { LoadedSeries } from "@/cornerstone";
import { cross, dot, planeNormal, type Slice, type Vector } from "@/dicom/geometry";
import { numbersOf, stringOf } from "@/dicom/dicomweb";
import { text } from "@/shared/i18n";
import type { MaskSource } from "@/dicom/segmentation/seg";
import { segGridOf, type SegGrid } from "@/dicom/segmentation/segGrid";
import { segMisfitOf } from "@/dicom/segmentation/segMisfit";
import { hasNoPlaces, segPlacesOf, type SegPlaces } from "@/dicom/segmentation/segPlaces";

const parallelCosine = 0.999;
const frameOfReference = "00200052";

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
  const { slices } = series.order;
  if (hasNoPlaces(source.header, slices)) return placed(source, slices, text().viewing.maskNotes.placed);
  if (!isOfFrame(source, slices)) {
    const hasNone = stringOf(source.header, frameOfReference) === "";
    const byNames = hasNone ? placed(source, slices, text().viewing.maskNotes.noFrame) : null;
    return byNames?.kind === "placed" ? byNames : { kind: "refused", why: t.otherFrame };
  }
  const grid = segGridOf(source.header);
  const ofGrid = notesOf(source, slice.dataset);
  const notes = [...ofGrid, ...fractionalNotes(source)];
  if (typeof grid === "string") return notes.length === 0 ? { kind: "fits" } : { kind: "refused", why: t.grid[grid] };
  const misfit = ofGrid.length === 0 ? segMisfitOf(grid, source.header, slices) : null;
  if (misfit) notes.unshift(text().viewing.maskNotes.misfit[misfit]);
  return notes.length === 0 ? { kind: "fits" } : { kind: "resampled", grid, notes };
}

/** Whether what it states of its place means the same in the images: slices may each state a frame of their own. */
function isOfFrame({ header }: MaskSource, slices: readonly Slice[]): boolean {
  const frames = new Set(slices.map(({ dataset }) => stringOf(dataset, frameOfReference)));
  return frames.has(stringOf(header, frameOfReference)) || frames.has("");
}

/** Over the images that its frames name, with a note why by their names. */
function placed(source: MaskSource, slices: readonly Slice[], why: string): MaskFit {
  const places = segPlacesOf(source.header, slices);
  if (typeof places === "string") return { kind: "refused", why: text().refusals.mask.grid[places] };
  return { kind: "placed", places, notes: [why, ...fractionalNotes(source)] };
}

/** What another direction or matrix makes of it; nothing where both are those of the images. */
function notesOf(source: MaskSource, image: MaskSource["header"]): string[] {
  const t = text().viewing.maskNotes;
  if (!isParallel(source, image)) return [t.oblique];
  const { rows, columns } = matrixOf(image);
  if (source.rows === rows && source.columns === columns) return [];
  return [t.matrix(`${source.columns} × ${source.rows}`, `${columns} × ${rows}`)];
}

function isParallel(source: MaskSource, image: MaskSource["header"]): boolean {
  const normal = planeNormal(image);
  const own = normalOf(source.orientation);
  return !normal || !own || Math.abs(dot(normal, own)) >= parallelCosine;
}

function matrixOf(image: MaskSource["header"]): { rows: number; columns: number } {
  const [[rows = 0], [columns = 0]] = [numbersOf(image, "00280010"), numbersOf(image, "00280011")];
  return { rows, columns };
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
