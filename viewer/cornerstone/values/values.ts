import { type StackViewport, type Types, VolumeViewport } from "@cornerstonejs/core";
import type { DicomJson } from "@/dicom/dicomweb";
import type { Vector } from "@/dicom/geometry";
import { text } from "@/shared/i18n";
import { haveOneMeaning, valueText as textOfValue } from "@/dicom/display/values";
import { slabValueAt, valuesAt, type PixelAt } from "./pixels";
import type { LoadedSeries } from "@/cornerstone/series";
import type { Slab } from "@/cornerstone/volumes/slab";
import { paddingsIn } from "@/cornerstone/volumes/slabPadding";

/** What lies under the pointer. */
export interface ValueAt extends PixelAt {
  text: string;
  /** The place in the patient, LPS in mm, on a plane through a volume; null on a stack. */
  lpsMm: Vector | null;
}

/** The value at a point of the screen, in words; null outside of the image. */
export function valueAt(
  view: StackViewport | VolumeViewport,
  point: Types.Point2,
  series: LoadedSeries | null,
  slab: Slab | null,
): ValueAt | null {
  const at = valuesAt(view, point);
  if (!at) return null;
  if (!(view instanceof VolumeViewport)) {
    const shown = series?.order.slices[view.getCurrentImageIdIndex()]?.dataset;
    return { ...at, text: textOf(at.column, at.row, at.values, shown), lpsMm: null };
  }
  const dataset = series ? commonHeader(series) : undefined;
  const lpsMm: Vector = [...view.canvasToWorld(point)];
  if (!slab || slab.projection === "slice") return { ...at, text: textOf(at.column, at.row, at.values, dataset), lpsMm };
  const value = slabValueAt(view, point, slab, series ? paddingsIn(series) : []);
  if (value === null) return null;
  return { ...at, values: [value], text: `${text().viewing.projectedValues[slab.projection]} ${textOf(at.column, at.row, [value], dataset)}`, lpsMm };
}

/** Of series whose values say the same on each of their slices, a header that tells what; null of others. */
const headers = new WeakMap<LoadedSeries, DicomJson | null>();

function commonHeader(series: LoadedSeries): DicomJson | undefined {
  const known = headers.get(series);
  if (known !== undefined) return known ?? undefined;
  const datasets = series.order.slices.map(({ dataset }) => dataset);
  const common = haveOneMeaning(datasets) ? (datasets[0] ?? null) : null;
  headers.set(series, common);
  return common ?? undefined;
}

/** The value that voxels hold, in the words of one that is pointed at; `slab` where it is of several. */
export function valueText(series: LoadedSeries, at: { column: number; row: number; value: number }, slab: Pick<Slab, "projection">): string {
  const shown = textOf(at.column, at.row, [at.value], commonHeader(series));
  return slab.projection === "slice" ? shown : `${text().viewing.projectedValues[slab.projection]} ${shown}`;
}

function textOf(column: number, row: number, values: number[], dataset: DicomJson | undefined): string {
  const place = `${column}, ${row}`;
  const [value = NaN] = values;
  if (values.length > 1) return `${place}: ${values.join(" ")}`;
  return `${place}: ${textOfValue(value, dataset ?? {})}`;
}
