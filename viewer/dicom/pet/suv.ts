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

/** Of the dose: small infants get up to some 50 MBq/kg, and water or rubidium for the heart some 30. */
const mostBqPerKg = 1e8;

/** From so many on too little is left to be measured: dates that do not belong together, or another clock. */
const tooManyHalfLives = 8;

/** Start Time and Start DateTime of an injection are one moment; some scanners round the one to minutes. */
const clocksApartMs = 60_000;
const dayMs = 86_400_000;

/** Why a PET image has no SUV. */
export type SuvGap =
  | "units"
  | "suv_type"
  | "no_radiopharmaceutical"
  | "several_radiopharmaceuticals"
  | "weight"
  | "attenuation"
  | "decay_correction"
  | "decay_contradicts"
  | "dose"
  | "dose_by_weight"
  | "half_life"
  | "half_life_conflict"
  | "start_contradicts"
  | "start_day"
  | "times"
  | "made_later"
  | "decay"
  | "mixed";

/**
 * What a value of a PET image in Bq/ml is multiplied by to give SUVbw in g/ml, by the vendor-neutral
 * computation of QIBA; null for other images, and where the header lacks a part of it or states one in another
 * unit than the standard's, or where two of its statements contradict each other. That is so without correction of
 * attenuation, and where the series is dated after its acquisition: it was made later, and its date is not what
 * the activity was decay corrected to.
 */
export function suvFactorOf(dataset: DicomJson): number | null {
  if (stringOf(dataset, tag.modality) !== "PT") return null;
  const found = suvOf(dataset);
  return typeof found === "number" ? found : null;
}

/** Why there is none; null of images that have one, and of those that are no PET. */
export function suvGapOf(dataset: DicomJson): SuvGap | null {
  if (stringOf(dataset, tag.modality) !== "PT") return null;
  const found = suvOf(dataset);
  return typeof found === "string" ? found : null;
}

/** Images of series whose headers state different things of what an SUV takes. */
const ofMixedSeries = new WeakSet<DicomJson>();

/** Factors differ by less through rounding of what headers state. */
const sameFactor = 1e-3;

/**
 * Notes of the images of one series whether they state one and the same SUV: the weight, the dose, the units, the decay correction
 * and the times that it takes are those of the patient and the series (PS3.3 C.8.9.1), so that where they differ between images
 * nobody can tell which are right, and none of the images has an SUV.
 */
export function noteSuvOfSeries(datasets: readonly DicomJson[]): void {
  const pets = datasets.filter((dataset) => stringOf(dataset, tag.modality) === "PT");
  const found = pets.map(statedSuv);
  const [first] = found;
  const isSame = (one: number | SuvGap) =>
    typeof one === "number" && typeof first === "number" ? Math.abs(one / first - 1) < sameFactor : one === first;
  const isMixed = !found.every(isSame) && found.some((one) => typeof one === "number");
  for (const dataset of pets) {
    if (isMixed) ofMixedSeries.add(dataset);
    else ofMixedSeries.delete(dataset);
  }
}

function suvOf(dataset: DicomJson): number | SuvGap {
  return ofMixedSeries.has(dataset) ? "mixed" : statedSuv(dataset);
}

function statedSuv(dataset: DicomJson): number | SuvGap {
  const units = stringOf(dataset, tag.units).trim();
  // Of lean mass, ideal weight or surface it is another SUV; without a type, of body weight (PS3.3 C.8.9.1).
  if (units === "GML") return ["", "BW"].includes(stringOf(dataset, tag.suvType).trim()) ? 1 : "suv_type";
  if (units !== "BQML") return "units";
  const drugs = itemsOf(dataset, tag.radiopharmaceutical);
  const [drug] = drugs;
  if (!drug) return "no_radiopharmaceutical";
  // Nothing tells which of them the activity is of.
  if (drugs.length > 1) return "several_radiopharmaceuticals";
  const [weightKg] = numbersOf(dataset, tag.weightKg);
  if (!weightKg || !isWithin(weightKg, plausibleWeightKg)) return "weight";
  const [doseBq] = numbersOf(drug, tag.doseBq);
  if (!doseBq || !isWithin(doseBq, plausibleDoseBq)) return "dose";
  if (doseBq / weightKg > mostBqPerKg) return "dose_by_weight";
  const corrections = (dataset[tag.correctedImage]?.Value ?? []).map((one) => String(one).trim());
  if (!corrections.includes("ATTN")) return "attenuation";
  const correction = stringOf(dataset, tag.decayCorrection).trim();
  if (correction !== "ADMIN" && correction !== "START") return "decay_correction";
  if (!corrections.includes("DECY")) return "decay_contradicts";
  const [halfLifeS] = numbersOf(drug, tag.halfLifeS);
  if (!halfLifeS || halfLifeS < 0) return "half_life";
  // What is wrong there, such as minutes for seconds, is wrong by hundreds of per cent in the dose.
  if (halfLifeConflictOf(dataset)) return "half_life_conflict";
  const perGram = (weightKg * 1000) / doseBq;
  if (correction === "ADMIN") return perGram;
  const halfLives = halfLivesOf(dataset, drug, halfLifeS);
  return typeof halfLives === "number" ? perGram * 2 ** halfLives : halfLives;
}

/** When the series began and the image was acquired, as `instant`; null where one of them cannot be read. */
export function instantOfImage(dataset: DicomJson): { scanned: number; acquired: number } | null {
  const scanned = instant(stringOf(dataset, tag.seriesDate), stringOf(dataset, tag.seriesTime));
  const acquired = instant(stringOf(dataset, tag.acquisitionDate), stringOf(dataset, tag.acquisitionTime));
  return scanned === null || acquired === null ? null : { scanned, acquired };
}

/** How many lie between the injection and the start of the series. */
function halfLivesOf(dataset: DicomJson, drug: DicomJson, halfLifeS: number): number | SuvGap {
  const seriesDate = stringOf(dataset, tag.seriesDate);
  const scanned = instant(seriesDate, stringOf(dataset, tag.seriesTime));
  const dateTime = stringOf(drug, tag.startDateTime).trim();
  const clock = instant(seriesDate, stringOf(drug, tag.startTime));
  const injected = dateTime ? instantOf(dateTime, stringOf(dataset, tag.timezone).trim()) : clock;
  if (scanned === null || injected === null) return "times";
  // A time of day alone is one of any day, and of what lasts longer than one there is enough left to measure on the next.
  if (!dateTime && tooManyHalfLives * halfLifeS * 1000 > dayMs) return "start_day";
  if (clock !== null) {
    const apart = Math.abs(injected - clock) % dayMs;
    if (Math.min(apart, dayMs - apart) > clocksApartMs) return "start_contradicts";
  }
  if (scanned < injected) return "times";
  const acquired = instant(stringOf(dataset, tag.acquisitionDate), stringOf(dataset, tag.acquisitionTime));
  if (acquired === null) return "times";
  if (scanned > acquired) return "made_later";
  const halfLives = (scanned - injected) / 1000 / halfLifeS;
  return halfLives >= tooManyHalfLives ? "decay" : halfLives;
}
