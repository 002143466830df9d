import { text } from "@/shared/i18n";
import type { MeasuredPlace } from "@/features/reader/lib/measurements/measurementSentence";
import { csvTable, tabTable, type Cell } from "@/shared/lib/csv";
import { isStatistic, lengthCaveatText, valueCaveatText, type Measurement } from "@/dicom/measurements/measurement";

/** Measurements as a table (RFC 4180), a row for each value; a mark without one has a row, too. */
export function measurementTable(
  measurements: readonly Measurement[],
  placeOf: (one: Measurement) => MeasuredPlace,
): string {
  return csvTable(rowsOf(measurements, placeOf));
}

/** The same for the clipboard: spreadsheets and mail take columns apart by tabs. */
export function clipboardTable(
  measurements: readonly Measurement[],
  placeOf: (one: Measurement) => MeasuredPlace,
): string {
  return tabTable(rowsOf(measurements, placeOf));
}

function rowsOf(measurements: readonly Measurement[], placeOf: (one: Measurement) => MeasuredPlace): Cell[][] {
  const { csvColumns, kinds, quantities } = text().viewing;
  const names: Partial<Record<string, string>> = quantities;
  const rows = measurements.flatMap((one) => {
    const { seriesNumber, imageNumber } = placeOf(one);
    const where = [seriesNumber, imageNumber, one.frameNumber, kinds[one.kind], one.label];
    const values = one.measured.length > 0 ? one.measured : [null];
    return values.map((measured) => [
      ...where,
      measured && (names[measured.quantity] ?? measured.quantity),
      measured && measured.value,
      measured && measured.unit,
      measured && (isStatistic(measured) ? valueCaveatText(one) : lengthCaveatText(one)),
      one.sopInstanceUid,
      one.madeBy?.maker ?? "",
    ]);
  });
  return [Object.values(csvColumns), ...rows];
}
