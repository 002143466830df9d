import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import type { WindowRange } from "@/dicom/windowing";

const tag = {
  modality: "00080060",
  seriesDate: "00080021",
  seriesTime: "00080031",
  acquisitionDate: "00080022",
  acquisitionTime: "00080032",
  weightKg: "00101030",
  units: "00541001",
  decayCorrection: "00541102",
  correctedImage: "00280051",
  radiopharmaceutical: "00540016",
  startTime: "00181072",
  startDateTime: "00181078",
  doseBq: "00181074",
  halfLifeS: "00181075",
} as const;

/** Milliseconds since 1970 of a DA and a TM, or of a DT; null when either cannot be read. */
function instant(date: string, time: string): number | null {
  const day = /^(\d{4})(\d{2})(\d{2})$/.exec(date.slice(0, 8));
  const clock = /^(\d{2})(\d{2})?(\d{2})?(\.\d{1,6})?/.exec(time);
  if (!day || !clock) return null;
  const [, year, month, dayOfMonth] = day;
  const [, hours, minutes = "0", seconds = "0", fraction = "0"] = clock;
  return (
    Date.UTC(Number(year), Number(month) - 1, Number(dayOfMonth), Number(hours), Number(minutes), Number(seconds)) +
    1000 * Number(fraction)
  );
}

/** The window in which PET is read, in SUV (the usual one of body PET with FDG). */
export const readingSuv = { lower: 0, upper: 10 } as const;

/** That window in the values of a PET image; null where they have no SUV. */
export function suvWindowOf(dataset: DicomJson): WindowRange | null {
  const factor = suvFactorOf(dataset);
  return factor === null ? null : { lower: readingSuv.lower / factor, upper: readingSuv.upper / factor };
}

/**
 * What a value of a PET image in Bq/ml is multiplied by to give SUVbw in g/ml, by the vendor-neutral
 * computation of QIBA; null for other images, and where the header lacks a part of it.
 */
export function suvFactorOf(dataset: DicomJson): number | null {
  if (stringOf(dataset, tag.modality) !== "PT") return null;
  const units = stringOf(dataset, tag.units);
  if (units === "GML") return 1;
  const [drug] = itemsOf(dataset, tag.radiopharmaceutical);
  const [weightKg] = numbersOf(dataset, tag.weightKg);
  if (units !== "BQML" || !drug || !weightKg) return null;
  const [doseBq] = numbersOf(drug, tag.doseBq);
  const [halfLifeS] = numbersOf(drug, tag.halfLifeS);
  const correction = stringOf(dataset, tag.decayCorrection);
  if (!doseBq || !halfLifeS || !correction) return null;
  if (correction === "ADMIN") return (weightKg * 1000) / doseBq;
  if (correction !== "START") return null;
  const scanned = instant(stringOf(dataset, tag.seriesDate), stringOf(dataset, tag.seriesTime));
  const given = stringOf(drug, tag.startDateTime);
  const injected = given
    ? instant(given, given.slice(8))
    : instant(stringOf(dataset, tag.seriesDate), stringOf(drug, tag.startTime));
  if (scanned === null || injected === null || scanned < injected) return null;
  const decayed = doseBq * 2 ** (-(scanned - injected) / 1000 / halfLifeS);
  return (weightKg * 1000) / decayed;
}
