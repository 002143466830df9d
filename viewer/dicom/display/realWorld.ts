import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  mappings: "00409096",
  first: "00409216",
  last: "00409211",
  firstDouble: "00409214",
  lastDouble: "00409213",
  slope: "00409225",
  intercept: "00409224",
  label: "00409210",
  explanation: "00283003",
  units: "004008EA",
  quantity: "00409220",
  codeValue: "00080100",
  modalityLut: "00283000",
  rescaleSlope: "00281053",
  rescaleIntercept: "00281052",
} as const;

/** What the values of an image, after its rescaling, stand for (PS3.3 C.7.6.16.2.11): slope · value + intercept. */
export interface RealWorldMap {
  slope: number;
  intercept: number;
  /** UCUM; "1" of what has none. */
  unit: string;
  /** The quantity in the words of the header, such as "ADC". */
  label: string;
  /** Values that the map does not speak of stand for nothing. */
  least: number;
  most: number;
}

/** As the node takes a unit of a measured value. */
const statable = /^[!-~]{1,16}$/;

/** Ends of the range are kept with more digits than pixels of 32 bits have. */
const roundings = 1e-6;

/**
 * The first mapping of an image that is a straight line in a unit; null without one. A table, and a mapping that names neither
 * unit nor quantity, tell a reader nothing. None either for values that a modality LUT has given.
 */
export function realWorldOf(dataset: DicomJson): RealWorldMap | null {
  for (const item of itemsOf(dataset, tag.mappings)) {
    const found = mapOf(item, dataset);
    if (found) return found;
  }
  return null;
}

function mapOf(item: DicomJson, dataset: DicomJson): RealWorldMap | null {
  const [slope] = numbersOf(item, tag.slope);
  const [intercept = 0] = numbersOf(item, tag.intercept);
  if (!slope || !Number.isFinite(slope) || !Number.isFinite(intercept)) return null;
  const [units] = itemsOf(item, tag.units);
  const stated = units ? stringOf(units, tag.codeValue).trim() : "";
  const unit = statable.test(stated) ? stated : "1";
  if (unit === "1" && itemsOf(item, tag.quantity).length === 0) return null;
  // The mapping is of stored values, and the viewer has rescaled ones. A table can't be undone.
  if (itemsOf(dataset, tag.modalityLut).length > 0) return null;
  const [rescale = 1] = numbersOf(dataset, tag.rescaleSlope);
  const [shift = 0] = numbersOf(dataset, tag.rescaleIntercept);
  if (rescale === 0) return null;
  const [first = numbersOf(item, tag.firstDouble)[0] ?? -Infinity] = numbersOf(item, tag.first);
  const [last = numbersOf(item, tag.lastDouble)[0] ?? Infinity] = numbersOf(item, tag.last);
  const ends = [first, last].map((stored) => stored * rescale + shift);
  const label = stringOf(item, tag.label).trim() || stringOf(item, tag.explanation).trim();
  return {
    slope: slope / rescale,
    intercept: intercept - (slope * shift) / rescale,
    unit,
    label,
    least: Math.min(...ends),
    most: Math.max(...ends),
  };
}

/** What a value of the image stands for; null of one that its map does not speak of. */
export function realWorldValue(map: RealWorldMap, value: number): number | null {
  const slack = roundings * Math.max(Math.abs(value), Number.MIN_VALUE);
  return value >= map.least - slack && value <= map.most + slack ? map.slope * value + map.intercept : null;
}
