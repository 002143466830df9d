import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { dateText, dicomTime, personName, unitSymbol } from "@/shared/lib/format";
import { text } from "@/shared/i18n";
import { locale } from "@/shared/i18n/language";

/** An item of a structured report as a person reads it (PS3.3 C.17.3). */
export interface ContentItem {
  name: string;
  value: string;
  /** The image that the item names; it can be gone to. */
  image: { sopInstanceUid: string; frameNumber: number } | null;
  children: ContentItem[];
}

const tag = {
  valueType: "0040A040",
  conceptName: "0040A043",
  content: "0040A730",
  meaning: "00080104",
  value: "00080100",
  measuredValues: "0040A300",
  numericValue: "0040A30A",
  units: "004008EA",
  scheme: "00080102",
  qualifier: "0040A301",
  conceptCode: "0040A168",
  referencedSop: "00081199",
  sopInstanceUid: "00081155",
  frameNumber: "00081160",
  graphicType: "00700023",
} as const;

const plainValues: Record<string, string> = { TEXT: "0040A160", UIDREF: "0040A124" };
/** Deeper than any document that people write; a broken one must not hang the page. */
const mostLevels = 40;
/** As many as a DS of 16 characters can have, and a double keeps. */
const digitsOfDecimal = 15;

function codeText(item: DicomJson, sequence: string): string {
  const code = itemsOf(item, sequence)[0];
  return code ? stringOf(code, tag.meaning) || stringOf(code, tag.value) : "";
}

/** PN comes as an object of groups (PS3.18 F.2.2). */
function nameOf(item: DicomJson): string {
  const [value] = item["0040A123"]?.Value ?? [];
  const groups = typeof value === "object" && value !== null ? Object.values(value as Record<string, string>) : [];
  return groups.length > 0 ? personName(groups.join("=")) : "";
}

function numberText(item: DicomJson): string {
  const measured = itemsOf(item, tag.measuredValues)[0];
  const [number] = measured ? numbersOf(measured, tag.numericValue) : [];
  // "Out of range", of a number that stands there all the same (PS3.3 C.18.1).
  const qualifier = codeText(item, tag.qualifier);
  if (!measured || number === undefined) return qualifier;
  const unit = itemsOf(measured, tag.units)[0];
  const shown = number.toLocaleString(locale(), { maximumSignificantDigits: digitsOfDecimal, useGrouping: false });
  return `${`${shown} ${unit ? unitText(unit) : ""}`.trim()}${qualifier && ` (${qualifier})`}`;
}

/** A UCUM code as it is usually written; the codes of other schemes ("R-42") tell nobody anything. */
function unitText(unit: DicomJson): string {
  const [code, meaning] = [stringOf(unit, tag.value), stringOf(unit, tag.meaning)];
  const isUcum = ["", "UCUM"].includes(stringOf(unit, tag.scheme).trim());
  const symbol = isUcum ? unitSymbol(code) : meaning || code;
  return symbol.startsWith("{") ? meaning : symbol;
}

/** A DT, of which months, days, the time and the offset from UTC may be left out (PS3.5 6.2). */
function momentText(value: string): string {
  const [, digits = "", offset = ""] = /^([\d.]*)([+-]\d{4})?/.exec(value.trim()) ?? [];
  const date = digits.length >= 8 ? dateText(digits) : digits.replace(/^(\d{4})(\d{2})$/, "$1-$2");
  return [date, dicomTime(digits.slice(8)), offset && `UTC${offset.slice(0, 3)}:${offset.slice(3)}`].filter(Boolean).join(" ");
}

function valueOf(item: DicomJson): string {
  const type = stringOf(item, tag.valueType);
  switch (type) {
    case "NUM":
      return numberText(item);
    case "CODE":
      return codeText(item, tag.conceptCode);
    case "PNAME":
      return nameOf(item);
    case "DATE":
      return dateText(stringOf(item, "0040A121"));
    case "TIME":
      return dicomTime(stringOf(item, "0040A122"));
    case "DATETIME":
      return momentText(stringOf(item, "0040A120"));
    case "SCOORD":
    case "SCOORD3D":
      return text().viewing.document.shapes[stringOf(item, tag.graphicType)] ?? text().viewing.document.shape;
    default:
      return plainValues[type] ? stringOf(item, plainValues[type]) : "";
  }
}

function imageOf(item: DicomJson): ContentItem["image"] {
  if (stringOf(item, tag.valueType) !== "IMAGE") return null;
  const reference = itemsOf(item, tag.referencedSop)[0];
  const sopInstanceUid = reference ? stringOf(reference, tag.sopInstanceUid) : "";
  return sopInstanceUid ? { sopInstanceUid, frameNumber: numbersOf(reference ?? {}, tag.frameNumber)[0] ?? 1 } : null;
}

/** The content of a structured report or key object document, its empty items left out. */
export function contentTree(dataset: DicomJson, level = 0): ContentItem[] {
  if (level > mostLevels) return [];
  return itemsOf(dataset, tag.content).flatMap((item) => {
    const one: ContentItem = {
      name: codeText(item, tag.conceptName),
      value: valueOf(item),
      image: imageOf(item),
      children: contentTree(item, level + 1),
    };
    return one.value || one.image || one.children.length > 0 || one.name ? [one] : [];
  });
}

/** What a document is called: its title, or the description of its series. */
export function documentTitle(dataset: DicomJson): string {
  return codeText(dataset, tag.conceptName) || stringOf(dataset, "00420010") || stringOf(dataset, "0008103E");
}

/** Whether a document is verified and complete, in words; empty where it does not say. */
export function documentFlags(dataset: DicomJson): string[] {
  const { flags } = text().viewing.document;
  const known: Partial<Record<string, string>> = flags;
  return [stringOf(dataset, "0040A493"), stringOf(dataset, "0040A491")].flatMap((flag) => known[flag] ?? []);
}
