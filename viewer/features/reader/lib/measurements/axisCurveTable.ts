import { text } from "@/shared/i18n";
import type { AxisCurve, AxisScale } from "@/dicom/measurements/axisCurve";
import { unitSymbol } from "@/shared/lib/format";
import { csvTable } from "@/shared/lib/csv";

export interface CurvePoint {
  /** Of the pixel, from 0. */
  column: number;
  row: number;
  /** The number of the place in the series, from 1. */
  placeNumber: number;
  scale: AxisScale;
  curve: AxisCurve;
  sopInstanceUids: readonly string[];
}

/** A name with its unit: "Time (s)"; of what is only counted the name alone. */
function withUnit(name: string, unit: string): string {
  // What UCUM has in braces is a note.
  const symbol = unitSymbol(unit.replaceAll(/\{[^}]*\}/g, ""));
  return symbol ? `${name} (${symbol})` : name;
}

export function scaleName({ kind, unit }: AxisScale): string {
  return withUnit(text().viewing.axis.kinds[kind], unit);
}

export function valueName({ meaning }: AxisCurve): string {
  return withUnit(meaning.name || text().viewing.axisCurve.value, meaning.unit);
}

/** Curves as a table, a row for each value. */
export function axisCurveTable(points: readonly CurvePoint[]): string {
  const { columns, kinds } = { ...text().viewing.axisCurve, kinds: text().viewing.axis.kinds };
  const rows = points.flatMap(({ column, row, placeNumber, scale, curve, sopInstanceUids }, at) =>
    curve.values.map((value, step) => [
      at + 1,
      placeNumber,
      column,
      row,
      step + 1,
      kinds[scale.kind],
      scale.values[step] ?? null,
      scale.unit,
      scale.source,
      Number.isFinite(value) ? value : null,
      curve.meaning.name,
      curve.meaning.unit === "1" ? "" : curve.meaning.unit,
      sopInstanceUids[step] ?? "",
    ]),
  );
  return csvTable([columns, ...rows]);
}
