import type { StackViewport, Types, VolumeViewport } from "@cornerstonejs/core";
import { decimal, fixed, unitSymbol } from "@/shared/lib/format";
import { suvFactorOf } from "@/dicom/display/suv";
import { unitOfValues } from "@/dicom/display/values";
import { valuesAt, type PixelAt } from "./pixels";
import type { LoadedSeries } from "./series";

/** What lies under the pointer. */
export interface ValueAt extends PixelAt {
  text: string;
}

/** The value at a point of the screen, in words; null outside of the image. */
export function valueAt(
  view: StackViewport | VolumeViewport,
  point: Types.Point2,
  series: LoadedSeries | null,
): ValueAt | null {
  const at = valuesAt(view, point);
  return at && { ...at, text: textOf(at.column, at.row, at.values, series) };
}

function textOf(column: number, row: number, values: number[], series: LoadedSeries | null): string {
  const place = `${column}, ${row}`;
  const [value = NaN] = values;
  if (values.length > 1) return `${place}: ${values.join(" ")}`;
  const dataset = series?.order.slices[0]?.dataset;
  const rounded = decimal(Number(value.toFixed(2)));
  if (dataset && unitOfValues(dataset) === "[hnsf'U]") return `${place}: ${rounded} ${unitSymbol("[hnsf'U]")}`;
  const suv = dataset ? suvFactorOf(dataset) : null;
  return suv === null ? `${place}: ${rounded}` : `${place}: ${rounded} (SUV ${fixed(value * suv, 2)})`;
}
