import { itemsOf, retrieveBulkData, type DicomElement, type DicomJson } from "@/lib/dicomweb";

/** Tables without which an image cannot be drawn: the palette's channels, and the modality LUT. */
const palette = ["00281201", "00281202", "00281203"];
const modalityLut = "00283000";
const lutData = "00283006";

function base64Of(bytes: ArrayBuffer): string {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
}

async function inline(element: DicomElement): Promise<DicomElement> {
  if (!element.BulkDataURI) return element;
  return { vr: element.vr, InlineBinary: base64Of(await retrieveBulkData(element.BulkDataURI)) };
}

/** The header with its tables in it, where the metadata only name them (PS3.18 F.2.6). */
export async function withTables(dataset: DicomJson): Promise<DicomJson> {
  const found: DicomJson = {};
  for (const tag of palette) {
    const element = dataset[tag];
    if (element?.BulkDataURI) found[tag] = await inline(element);
  }
  const [item] = itemsOf(dataset, modalityLut);
  const data = item?.[lutData];
  if (item && data?.BulkDataURI) {
    found[modalityLut] = { vr: "SQ", Value: [{ ...item, [lutData]: await inline(data) }] };
  }
  return Object.keys(found).length > 0 ? { ...dataset, ...found } : dataset;
}
