import { itemsOf, numbersOf, type DicomElement, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  modalityLut: "00283000",
  descriptor: "00283002",
  data: "00283006",
} as const;

/** A table of values (PS3.3 C.11.1.1): `values[0]` is that of `firstMapped` and of all below it. */
export interface Lut {
  firstMapped: number;
  values: readonly number[];
}

/** The entries of a table; those of 8 bits may be packed two to a word. */
export function wordsOf(element: DicomElement | undefined, entries?: number): number[] {
  if (!element?.InlineBinary) return (element?.Value ?? []).map(Number);
  const bytes = Uint8Array.from(atob(element.InlineBinary), (character) => character.charCodeAt(0));
  if (entries !== undefined && bytes.length < 2 * entries) return [...bytes.slice(0, entries)];
  const view = new DataView(bytes.buffer);
  return Array.from({ length: Math.floor(bytes.length / 2) }, (_, index) => view.getUint16(2 * index, true));
}

/** The modality LUT of an image; null when it has none. */
export function modalityLutOf(dataset: DicomJson): Lut | null {
  const [item] = itemsOf(dataset, tag.modalityLut);
  if (!item) return null;
  const [, firstMapped = 0] = numbersOf(item, tag.descriptor);
  const values = wordsOf(item[tag.data]);
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
