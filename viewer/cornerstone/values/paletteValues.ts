import { numbersOf, type DicomElement, type DicomJson } from "@/dicom/dicomweb";

const channels = [
  { descriptor: "00281101", data: "00281201" },
  { descriptor: "00281102", data: "00281202" },
  { descriptor: "00281103", data: "00281203" },
] as const;

/**
 * The header with its palette as numbers: Cornerstone reads them from `Value`, where the DICOM JSON
 * model has them inline as base64 (PS3.18 F.2.7). Entries of 8 bits may be packed two to a word.
 */
export function withPaletteValues(dataset: DicomJson): DicomJson {
  const found = channels.flatMap(({ descriptor, data }) => {
    const element = dataset[data];
    const entries = numbersOf(dataset, descriptor)[0];
    if (!element?.InlineBinary || entries === undefined) return [];
    // A descriptor of 0 entries means 65,536 of them (PS3.3 C.7.6.3.1.5).
    return [[data, paletteElement(element, element.InlineBinary, entries || 65_536)] as const];
  });
  return found.length === 0 ? dataset : { ...dataset, ...Object.fromEntries(found) };
}

function paletteElement({ vr }: DicomElement, base64: string, entries: number): DicomElement {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const isPacked = bytes.length < 2 * entries;
  const view = new DataView(bytes.buffer);
  const values = Array.from({ length: Math.min(entries, bytes.length) }, (_, index) =>
    isPacked ? (bytes[index] ?? 0) : view.getUint16(2 * index, true),
  );
  return { vr, Value: values };
}
