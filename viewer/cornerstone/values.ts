import { type StackViewport, type Types, VolumeViewport } from "@cornerstonejs/core";
import type { Vector } from "@/dicom/geometry";
import { text } from "@/shared/i18n";
import { valueText } from "@/dicom/display/values";
import { slabValueAt, valuesAt, type PixelAt } from "./pixels";
import type { LoadedSeries } from "./series";
import type { Slab } from "./views/slab";

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
  if (!(view instanceof VolumeViewport)) return { ...at, text: textOf(at.column, at.row, at.values, series), lpsMm: null };
  const lpsMm: Vector = [...view.canvasToWorld(point)];
  if (!slab || slab.projection === "slice") return { ...at, text: textOf(at.column, at.row, at.values, series), lpsMm };
  const value = slabValueAt(view, point, slab);
  if (value === null) return null;
  return { ...at, values: [value], text: `${text().viewing.projectedValues[slab.projection]} ${textOf(at.column, at.row, [value], series)}`, lpsMm };
}

function textOf(column: number, row: number, values: number[], series: LoadedSeries | null): string {
  const place = `${column}, ${row}`;
  const [value = NaN] = values;
  if (values.length > 1) return `${place}: ${values.join(" ")}`;
  return `${place}: ${valueText(value, series?.order.slices[0]?.dataset ?? {})}`;
}
