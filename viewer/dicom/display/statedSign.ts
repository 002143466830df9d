import { numbersOf, type DicomJson } from "@/dicom/dicomweb";

const tag = { bitsAllocated: "00280100", bitsStored: "00280101", signed: "00280103" } as const;

/** How stored values became those that a decoder gave. */
export interface Rescaling {
  slope: number;
  intercept: number;
}

/** What has to be added to a stored value that was read with the other sign than its header states; 0 for others. */
type Shift = (stored: number) => number;

/** Of a sign that is extended through a cell, and read as if it were none. */
function ofSigned(bitsStored: number): Shift {
  const negatives = 2 ** (bitsStored - 1);
  return (stored) => {
    if (stored >= 2 ** 16 - negatives) return -(2 ** 16);
    return bitsStored <= 8 && stored >= 2 ** 8 - negatives ? -(2 ** 8) : 0;
  };
}

function ofUnsigned(bitsStored: number): Shift {
  return (stored) => (stored < 0 && stored >= -(2 ** (bitsStored - 1)) ? 2 ** bitsStored : 0);
}

function shiftOf(header: DicomJson): Shift {
  const [allocated = 16] = numbersOf(header, tag.bitsAllocated);
  const [bitsStored = allocated] = numbersOf(header, tag.bitsStored);
  if (allocated > 16) return () => 0;
  return numbersOf(header, tag.signed)[0] === 1 ? ofSigned(bitsStored) : ofUnsigned(bitsStored);
}

/**
 * Whether a decoder took grey values for those of the other sign: the least and the largest of them tell. A
 * codestream of JPEG 2000 states the sign, too (ISO/IEC 15444-1 A.5.1), and of some that is not what the header
 * states, which counts.
 */
export function isOfOtherSign(least: number, largest: number, header: DicomJson, rescaling: Rescaling): boolean {
  const shift = shiftOf(header);
  return [least, largest].some((value) => shift(storedOf(value, rescaling)) !== 0);
}

export interface StatedValues {
  values: Int16Array | Uint16Array | Float32Array;
  least: number;
  largest: number;
}

/** Those values as their header states them. */
export function asStated(values: ArrayLike<number>, header: DicomJson, rescaling: Rescaling): StatedValues {
  const shift = shiftOf(header);
  const meant = new Float32Array(values.length);
  let least = Infinity;
  let largest = -Infinity;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN;
    const mended = value + shift(storedOf(value, rescaling)) * rescaling.slope;
    meant[index] = mended;
    least = Math.min(least, mended);
    largest = Math.max(largest, mended);
  }
  return { values: compact(meant, least, largest, rescaling), least, largest };
}

/** In cells of 16 bits where they fit. */
function compact(values: Float32Array, least: number, largest: number, { slope, intercept }: Rescaling): StatedValues["values"] {
  if (![slope, intercept].every(Number.isInteger)) return values;
  if (least >= -(2 ** 15) && largest < 2 ** 15) return Int16Array.from(values);
  return least >= 0 && largest < 2 ** 16 ? Uint16Array.from(values) : values;
}

function storedOf(value: number, { slope, intercept }: Rescaling): number {
  return Math.round((value - intercept) / slope);
}
