import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { suvWindowOf } from "@/dicom/pet/suv";
import { descriptorOf, mostRescaled, wordsOf } from "@/dicom/display/lut";
import type { WindowPreset, WindowRange } from "@/dicom/windowing";

const tag = {
  voiLut: "00283010",
  explanation: "00283003",
  data: "00283006",
  windowCenter: "00281050",
  windowWidth: "00281051",
  windowExplanation: "00281055",
  voiFunction: "00281056",
  photometric: "00280004",
  presentationLutShape: "20500020",
} as const;

/** Of which a window may be narrower than 1 (PS3.3 C.11.2.1.3). */
export const exactFunctions: ReadonlySet<string> = new Set(["LINEAR_EXACT", "SIGMOID"]);

/** Brightness from 0 to 1, evenly over the range that it belongs to; of `sigmoid` over a wider one. */
export type Curve = readonly number[];

/** A sigmoid is neither black nor white at the ends of its window: it is drawn over so many times its width. */
const sigmoidSpread = 4;
const sigmoidSteps = 256;
/** One movement leaves a window at least such a share of its width. */
const narrowestShare = 100;

/** The VOI LUT function SIGMOID (PS3.3 C.11.2.1.3.1), the same for every window. */
export const sigmoid: Curve = Array.from({ length: sigmoidSteps + 1 }, (_, step) => {
  const inWidths = sigmoidSpread * (step / sigmoidSteps - 0.5);
  return 1 / (1 + Math.exp(-4 * inWidths));
});

/** The values that a curve is drawn over in a window. */
export function spreadOf({ lower, upper }: WindowRange, curve: Curve | null): WindowRange {
  if (curve !== sigmoid) return { lower, upper };
  const more = ((sigmoidSpread - 1) * (upper - lower)) / 2;
  return { lower: lower - more, upper: upper + more };
}

/**
 * The window that `moved` is meant as: a plane takes the values that its curve is drawn over for
 * its window, and where a reader drags the ends of those, the window's own move as far.
 */
export function windowMovedTo(moved: WindowRange, from: WindowRange, curve: Curve | null): WindowRange {
  const drawn = spreadOf(from, curve);
  if (drawn.lower === from.lower) return { lower: moved.lower, upper: moved.upper };
  const lower = from.lower + (moved.lower - drawn.lower);
  const upper = from.upper + (moved.upper - drawn.upper);
  const least = (from.upper - from.lower) / narrowestShare;
  if (upper - lower >= least) return { lower, upper };
  const center = (lower + upper) / 2;
  return { lower: center - least / 2, upper: center + least / 2 };
}

/** The curve of the VOI LUT function that a header or an item states; null for a straight line. */
export function functionCurveOf(dataset: DicomJson): Curve | null {
  return stringOf(dataset, tag.voiFunction).trim() === "SIGMOID" ? sigmoid : null;
}

/** Whether the lowest values are shown brightest (PS3.3 C.7.6.3.1.2, C.11.6.1.2). */
export function isLowBright(dataset: DicomJson): boolean {
  const shape = stringOf(dataset, tag.presentationLutShape).trim();
  return stringOf(dataset, tag.photometric).trim() === "MONOCHROME1" || shape === "INVERSE";
}

/** What becomes of values: black below the range, white above, and between by the curve. */
export interface Voi {
  range: WindowRange;
  /** Null for a straight line. */
  curve: Curve | null;
}

/** A VOI LUT with the values that it maps (PS3.3 C.11.2.1.1); what lies outside takes its ends. */
export function voiCurveOf(dataset: DicomJson, index = 0): (Voi & { curve: Curve }) | null {
  const item = itemsOf(dataset, tag.voiLut)[index];
  if (!item) return null;
  const { entries, firstMapped, bits } = descriptorOf(item, mostRescaled(dataset) ?? Infinity);
  const words = wordsOf(item[tag.data], entries, bits);
  if (words.length < 2) return null;
  const most = 2 ** bits - 1;
  return {
    range: { lower: firstMapped, upper: firstMapped + words.length - 1 },
    curve: words.map((word) => Math.min(1, word / most)),
  };
}

/** The ways to look at an image that its header offers; the first is what it opens with. A PET opens by its SUV. */
export function offeredPresets(dataset: DicomJson): WindowPreset[] {
  const suv = suvWindowOf(dataset);
  return [...(suv ? [{ name: "suv", range: suv }] : []), ...headerPresets(dataset)];
}

/** Modalities that are read with what is dense in activity dark. */
const darkOnBright = new Set(["PT", "NM"]);

export function opensInverted(modality: string): boolean {
  return darkOnBright.has(modality);
}

/** The windows of the header: its tables first, as pydicom prefers them. */
export function headerPresets(dataset: DicomJson): WindowPreset[] {
  const tables = itemsOf(dataset, tag.voiLut).flatMap((item, index) => {
    const found = voiCurveOf(dataset, index);
    const name = stringOf(item, tag.explanation) || `VOI LUT ${index + 1}`;
    return found ? [{ name, ...found }] : [];
  });
  const centers = numbersOf(dataset, tag.windowCenter);
  const widths = numbersOf(dataset, tag.windowWidth);
  const names = (dataset[tag.windowExplanation]?.Value ?? []).map(String);
  // Quantities may be as small as 0.001: only LINEAR wants a width of more than 1 (PS3.3 C.11.2.1.3.2).
  const curve = functionCurveOf(dataset);
  const least = exactFunctions.has(stringOf(dataset, tag.voiFunction)) ? 0 : 1;
  const windows = centers.flatMap((center, index) => {
    const width = widths[index];
    if (width === undefined || width <= least) return [];
    const range = { lower: center - width / 2, upper: center + width / 2 };
    return [{ name: names[index] || `Header ${index + 1}`, range, ...(curve && { curve }) }];
  });
  return [...tables, ...windows];
}
