import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { halfLifeConflictOf } from "./radionuclide";
import type { WindowRange } from "@/dicom/windowing";

const tag = {
  modality: "00080060",
  timezone: "00080201",
  seriesDate: "00080021",
  seriesTime: "00080031",
  acquisitionDate: "00080022",
  acquisitionTime: "00080032",
  weightKg: "00101030",
  units: "00541001",
  decayCorrection: "00541102",
  correctedImage: "00280051",
  suvType: "00541006",
  radiopharmaceutical: "00540016",
  startTime: "00181072",
  startDateTime: "00181078",
  doseBq: "00181074",
  halfLifeS: "00181075",
} as const;

/** Milliseconds since 1970 as clocks at the scanner show a DA and a TM; null when either cannot be read. */
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

/** The same of a DT. One with an offset from UTC can be compared only where the header states its own (PS3.5 6.2). */
function instantOf(dateTime: string, ownOffset: string): number | null {
  const shown = instant(dateTime, dateTime.slice(8));
  const stated = /[+-]\d{4}$/.exec(dateTime);
  if (shown === null || !stated) return shown;
  const own = /^[+-]\d{4}$/.test(ownOffset) ? minutesOf(ownOffset) : null;
  return own === null ? null : shown + 60_000 * (own - minutesOf(stated[0]));
}

function minutesOf(offset: string): number {
  const minutes = 60 * Number(offset.slice(1, 3)) + Number(offset.slice(3));
  return offset.startsWith("-") ? -minutes : minutes;
}

/** The window in which PET is read, in SUV (the usual one of body PET with FDG). */
export const readingSuv = { lower: 0, upper: 10 } as const;

/** That window in the values of a PET image; null where they have no SUV. */
export function suvWindowOf(dataset: DicomJson): WindowRange | null {
  const factor = suvFactorOf(dataset);
  return factor === null ? null : { lower: readingSuv.lower / factor, upper: readingSuv.upper / factor };
}

/** From 0.1 MBq to 100 GBq, and from the smallest infants up: some headers have the dose in MBq, or the weight in g. */
const plausibleDoseBq = { least: 1e5, most: 1e11 } as const;
const plausibleWeightKg = { least: 0.2, most: 700 } as const;

function isWithin(value: number, limits: { least: number; most: number }): boolean {
  return value >= limits.least && value <= limits.most;
}

/** After more of them nothing is left to be measured: dates that do not belong together. */
const mostHalfLives = 20;

/**
 * What a value of a PET image in Bq/ml is multiplied by to give SUVbw in g/ml, by the vendor-neutral
 * computation of QIBA; null for other images, and where the header lacks a part of it or states one in another
 * unit than the standard's. That is so without correction of
 * attenuation, and where the series is dated after its acquisition: it was made later, and its date is not what
 * the activity was decay corrected to.
 */
export function suvFactorOf(dataset: DicomJson): number | null {
  if (stringOf(dataset, tag.modality) !== "PT") return null;
  const units = stringOf(dataset, tag.units);
  // Of lean mass, ideal weight or surface it is another SUV; without a type, of body weight (PS3.3 C.8.9.1).
  if (units === "GML") return ["", "BW"].includes(stringOf(dataset, tag.suvType)) ? 1 : null;
  const [drug] = itemsOf(dataset, tag.radiopharmaceutical);
  const [weightKg] = numbersOf(dataset, tag.weightKg);
  if (units !== "BQML" || !drug || !weightKg || !isWithin(weightKg, plausibleWeightKg)) return null;
  if (!(dataset[tag.correctedImage]?.Value ?? []).includes("ATTN")) return null;
  const [doseBq] = numbersOf(drug, tag.doseBq);
  const [halfLifeS] = numbersOf(drug, tag.halfLifeS);
  const correction = stringOf(dataset, tag.decayCorrection);
  if (!doseBq || !isWithin(doseBq, plausibleDoseBq) || !halfLifeS || !correction) return null;
  // What is wrong there, such as minutes for seconds, is wrong by hundreds of per cent in the dose.
  if (halfLifeConflictOf(dataset)) return null;
  if (correction === "ADMIN") return (weightKg * 1000) / doseBq;
  if (correction !== "START") return null;
  const scanned = instant(stringOf(dataset, tag.seriesDate), stringOf(dataset, tag.seriesTime));
  const given = stringOf(drug, tag.startDateTime);
  const injected = given
    ? instantOf(given.trim(), stringOf(dataset, tag.timezone).trim())
    : instant(stringOf(dataset, tag.seriesDate), stringOf(drug, tag.startTime));
  if (scanned === null || injected === null || scanned < injected) return null;
  const acquired = instant(stringOf(dataset, tag.acquisitionDate), stringOf(dataset, tag.acquisitionTime));
  if (acquired === null || scanned > acquired) return null;
  const halfLives = (scanned - injected) / 1000 / halfLifeS;
  return halfLives > mostHalfLives ? null : (weightKg * 1000 * 2 ** halfLives) / doseBq;
}
