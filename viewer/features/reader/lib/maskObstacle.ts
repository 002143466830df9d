import type { LoadedSeries } from "@/cornerstone";
import { cross, dot, planeNormal, type Vector } from "@/dicom/geometry";
import { numbersOf } from "@/dicom/dicomweb";
import { text } from "@/shared/i18n";
import type { MaskSource } from "@/dicom/seg";

const parallelCosine = 0.999;

/** Why a segmentation cannot be drawn over a series, in a sentence; empty where nothing speaks against it. */
export function maskObstacle(
  source: MaskSource,
  series: Pick<LoadedSeries, "modality" | "order">,
): string {
  const t = text().refusals.mask;
  const [slice] = series.order.slices;
  if (series.modality === "SM") return t.wholeSlide;
  if (source.segmentationType === "FRACTIONAL") {
    if (source.fractionalType === "PROBABILITY") return t.probability;
    return source.fractionalType === "OCCUPANCY" ? t.occupancy : t.fractional;
  }
  if (!slice) return "";
  const [rows = 0] = numbersOf(slice.dataset, "00280010");
  const [columns = 0] = numbersOf(slice.dataset, "00280011");
  const normal = planeNormal(slice.dataset);
  const own = normalOf(source.orientation);
  if (normal && own && Math.abs(dot(normal, own)) < parallelCosine) return t.oblique;
  if (source.rows !== rows || source.columns !== columns) {
    return t.matrix(`${source.columns} × ${source.rows}`, `${columns} × ${rows}`);
  }
  return "";
}

function normalOf(cosines: readonly number[]): Vector | null {
  if (cosines.length !== 6) return null;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = cosines;
  return cross([a, b, c], [d, e, f]);
}
