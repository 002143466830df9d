import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import type { WindowRange } from "@/dicom/windowing";

const tag = {
  modality: "00080060",
  bitsAllocated: "00280100",
  signed: "00280103",
  padding: "00280120",
  paddingLimit: "00280121",
  intercept: "00281052",
  slope: "00281053",
} as const;

/**
 * The values, rescaled, that stand for no image (PS3.3 C.7.5.1.1.2); null without such. Some write
 * the padding of signed pixels unsigned: 63536 for -2000.
 */
export function paddingOf(dataset: DicomJson): WindowRange | null {
  const [padding] = numbersOf(dataset, tag.padding);
  if (padding === undefined) return null;
  const [bits = 16] = numbersOf(dataset, tag.bitsAllocated);
  const isSigned = numbersOf(dataset, tag.signed)[0] === 1;
  const [slope = 1] = numbersOf(dataset, tag.slope);
  const [intercept = 0] = numbersOf(dataset, tag.intercept);
  const ends = [padding, numbersOf(dataset, tag.paddingLimit)[0] ?? padding].map((stored) => {
    const value = isSigned && stored >= 2 ** (bits - 1) ? stored - 2 ** bits : stored;
    return value * slope + intercept;
  });
  return { lower: Math.min(...ends), upper: Math.max(...ends) };
}

/** Air is -1000 HU, and no noise reaches so far below: scanners fill up with -2000 or -3024. */
const noHuBelow = -1500;

/** All values that were never measured: what the header states, and in CT what no tissue has. */
export function paddingsOf(dataset: DicomJson): WindowRange[] {
  const stated = paddingOf(dataset);
  const impossible = stringOf(dataset, tag.modality) === "CT" ? [{ lower: -Infinity, upper: noHuBelow }] : [];
  return stated ? [stated, ...impossible] : impossible;
}

/** What is padding on every image of a volume. */
export function commonPaddings(datasets: readonly DicomJson[]): WindowRange[] {
  const found = datasets.map((dataset) => paddingsOf(dataset));
  const isIn = ({ lower, upper }: WindowRange) => found.every((ranges) => ranges.some((one) => one.lower <= lower && one.upper >= upper));
  return (found[0] ?? []).filter(isIn);
}

/** Two ranges that meet as one; of others that which the header states. */
export function asOneRange([first, second]: readonly WindowRange[]): WindowRange | null {
  if (!first || !second || second.lower > first.upper || first.lower > second.upper) return first ?? null;
  return { lower: Math.min(first.lower, second.lower), upper: Math.max(first.upper, second.upper) };
}
