import { petUnitOf } from "@/dicom/pet/petUnits";
import { realWorldOf, realWorldValue } from "@/dicom/display/realWorld";
import { suvFactorOf } from "@/dicom/pet/suv";
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { decimal, fixed, glance, unitSymbol } from "@/shared/lib/format";

const tag = {
  modality: "00080060",
  rescaleSlope: "00281053",
  rescaleType: "00281054",
} as const;

/**
 * The UCUM unit of an image's values after the modality's rescaling; "1" where they have none. A CT
 * holds Hounsfield units unless its Rescale Type names others (PS3.3 C.8.2.1), and a picture of
 * one, which has nothing to rescale with, holds shades of grey. A PET states its Units.
 */
export function unitOfValues(dataset: DicomJson): string {
  const modality = stringOf(dataset, tag.modality);
  if (modality === "PT") return petUnitOf(dataset);
  const isRescaled = numbersOf(dataset, tag.rescaleSlope).length > 0;
  const type = stringOf(dataset, tag.rescaleType).trim();
  return modality === "CT" && isRescaled && ["", "HU"].includes(type) ? "[hnsf'U]" : "1";
}

/** Whether what values of that unit stand for may be another quantity, by a real world map: Hounsfield units are what a CT is read in. */
export function mayBeMapped(unit: string): boolean {
  return unit !== "[hnsf'U]";
}

/** Whether a value says the same on each image of a series: slices may have a scale each. */
export function haveOneMeaning(datasets: readonly DicomJson[]): boolean {
  const meanings = datasets.map((one) => JSON.stringify([unitOfValues(one), suvFactorOf(one), realWorldOf(one)]));
  return meanings.every((one) => one === meanings[0]);
}

/** A value of an image of that header, with what it stands for: "40 HU", "5000 Bq/ml (SUV 2.50)", "ADC 0.002 mm²/s". */
export function valueText(value: number, dataset: DicomJson): string {
  const unit = unitOfValues(dataset);
  const rounded = `${decimal(glance(value))} ${unitSymbol(unit)}`.trim();
  const suv = suvFactorOf(dataset);
  if (suv !== null) {
    const shown = value * suv;
    return `${rounded} (SUV ${Math.abs(shown) >= 0.1 || shown === 0 ? fixed(shown, 2) : decimal(glance(shown))})`;
  }
  const map = mayBeMapped(unit) ? realWorldOf(dataset) : null;
  const real = map && realWorldValue(map, value);
  if (!map || real === null) return rounded;
  const stated = [map.label, decimal(glance(real)), unitSymbol(map.unit)].filter((part) => part !== "").join(" ");
  return glance(real) === glance(value) ? stated : `${rounded} (${stated})`;
}

/** What a value of an image stands for: HU of a CT, the SUV of a PET that has one, else by its real world map; unit "1" for none. */
export function quantityOf(value: number, dataset: DicomJson): { value: number; unit: string; name: string } {
  const suv = suvFactorOf(dataset);
  if (suv !== null) return { value: value * suv, unit: "g/ml{SUVbw}", name: "SUVbw" };
  const unit = unitOfValues(dataset);
  const map = mayBeMapped(unit) ? realWorldOf(dataset) : null;
  const real = map && realWorldValue(map, value);
  return map && real !== null ? { value: real, unit: map.unit, name: map.label } : { value, unit, name: "" };
}
