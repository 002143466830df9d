import { itemsOf, retrieveBulkData, type DicomElement, type DicomJson } from "@/dicom/dicomweb";

/** The palette's channels, without which an image cannot be drawn. */
const palette = ["00281201", "00281202", "00281203"];
/** Sequences of tables: modality LUT, VOI LUT, and the latter within a presentation state. */
const lutSequences = ["00283000", "00283010"];
const softcopyVoi = "00283110";
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
  for (const sequence of lutSequences) {
    const items = itemsOf(dataset, sequence);
    if (!items.some((item) => item[lutData]?.BulkDataURI)) continue;
    found[sequence] = { vr: "SQ", Value: await Promise.all(items.map(withLutData)) };
  }
  const vois = itemsOf(dataset, softcopyVoi);
  if (vois.length > 0) {
    found[softcopyVoi] = { vr: "SQ", Value: await Promise.all(vois.map(withTables)) };
  }
  return Object.keys(found).length > 0 ? { ...dataset, ...found } : dataset;
}

async function withLutData(item: DicomJson): Promise<DicomJson> {
  const data = item[lutData];
  return data?.BulkDataURI ? { ...item, [lutData]: await inline(data) } : item;
}
