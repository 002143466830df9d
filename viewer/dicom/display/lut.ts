import { itemsOf, numbersOf, type DicomElement, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  modalityLut: "00283000",
  descriptor: "00283002",
  data: "00283006",
  bitsStored: "00280101",
  signed: "00280103",
  intercept: "00281052",
  slope: "00281053",
} as const;

const words = 65_536;

/** A table of values (PS3.3 C.11.1.1): `values[0]` is that of `firstMapped` and of all below it. */
export interface Lut {
  firstMapped: number;
  values: readonly number[];
}

/** The entries of a table; those of 8 bits may be packed two to a word. */
export function wordsOf(element: DicomElement | undefined, entries: number, bits: number): number[] {
  if (!element?.InlineBinary) return (element?.Value ?? []).map(Number);
  const bytes = Uint8Array.from(atob(element.InlineBinary), (character) => character.charCodeAt(0));
  if (bits <= 8 && bytes.length < 2 * entries) return [...bytes.slice(0, entries)];
  const view = new DataView(bytes.buffer);
  return Array.from({ length: Math.floor(bytes.length / 2) }, (_, index) => view.getUint16(2 * index, true));
}

/** The descriptor of a table (PS3.3 C.11.1.1.1). `most`: the largest value that is looked up in it. */
export function descriptorOf(item: DicomJson, most: number): { entries: number; firstMapped: number; bits: number } {
  const [entries = 0, first = 0, bits = 16] = numbersOf(item, tag.descriptor);
  return {
    // No entries, and a negative number of them, are as many as a signed word can't say.
    entries: entries > 0 ? entries : entries + words,
    // US or SS by the pixels, of which Implicit VR says nothing: what no value reaches is a negative one.
    firstMapped: first > most && first >= words / 2 ? first - words : first,
    bits,
  };
}

/** The largest value that the bits of an image can store. */
export function mostStored(dataset: DicomJson): number {
  const [bitsStored = 16] = numbersOf(dataset, tag.bitsStored);
  return 2 ** (numbersOf(dataset, tag.signed)[0] === 1 ? bitsStored - 1 : bitsStored) - 1;
}

/** The largest value of an image after its modality transform; null where nothing states it. */
export function mostRescaled(dataset: DicomJson): number | null {
  if (!dataset[tag.bitsStored]?.Value) return null;
  const lut = modalityLutOf(dataset);
  if (lut) return lut.values.reduce((most, value) => Math.max(most, value));
  const [slope = 1] = numbersOf(dataset, tag.slope);
  const [intercept = 0] = numbersOf(dataset, tag.intercept);
  const most = mostStored(dataset);
  const least = numbersOf(dataset, tag.signed)[0] === 1 ? -most - 1 : 0;
  return Math.max(slope * most, slope * least) + intercept;
}

/** The modality LUT of an image; null when it has none. */
export function modalityLutOf(dataset: DicomJson): Lut | null {
  const [item] = itemsOf(dataset, tag.modalityLut);
  if (!item) return null;
  const { entries, firstMapped, bits } = descriptorOf(item, mostStored(dataset));
  const values = wordsOf(item[tag.data], entries, bits).slice(0, entries);
  return values.length > 0 ? { firstMapped, values } : null;
}

/**
 * Puts the table's values in the place of the stored ones. Throws RangeError when the array cannot
 * hold one of them.
 */
export function applyLut(pixels: Uint8Array | Int16Array | Uint16Array | Float32Array, lut: Lut): void {
  const { firstMapped, values } = lut;
  const last = values.length - 1;
  for (let index = 0; index < pixels.length; index += 1) {
    const at = Math.max(0, Math.min(last, (pixels[index] ?? 0) - firstMapped));
    const value = values[at] ?? 0;
    pixels[index] = value;
    if (pixels[index] !== value) throw new RangeError(`its modality LUT gives ${value}, which does not fit`);
  }
}
