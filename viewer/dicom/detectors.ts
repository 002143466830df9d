/** The detectors of a gamma camera (NM Image and NM Multi-frame modules, PS3.3 C.8.4.8 and C.8.4.11). */
import { itemsOf, numbersOf, stringOf, stringsOf, type DicomJson } from "@/dicom/dicomweb";
import { framesIn } from "@/dicom/frameHeader";

const tag = {
  modality: "00080060",
  imageType: "00080008",
  detectors: "00540022",
  detectorVector: "00540020",
  numberOfDetectors: "00540021",
  startAngle: "00540200",
  viewCodes: "00540220",
  codeValue: "00080100",
  codeMeaning: "00080104",
} as const;

/** CID 26 "Nuclear Medicine Projections", by SNOMED CT and by the older SNOMED RT. */
const projectionOfCode: Record<string, string> = {
  "399321004": "ANT",
  "G-5215": "ANT",
  "399001007": "POST",
  "G-5216": "POST",
  "399297009": "RLAT",
  "G-5222": "RLAT",
  "399118008": "LLAT",
  "G-5223": "LLAT",
  "399108003": "RAO",
  "G-5206": "RAO",
  "399074003": "LAO",
  "G-5207": "LAO",
  "399075002": "RPO",
  "G-5208": "RPO",
  "399136008": "LPO",
  "G-5209": "LPO",
};

/** A detector this near to it, in degrees, looks from the front or from behind. */
const nearDeg = 15;

export interface Detector {
  /** Counts from 1, as Detector Vector does. */
  number: number;
  /** Empty where the header does not say it. */
  view: string;
}

/** The detectors whose projections the frames are, in their order; none of reconstructed slices and of other modalities. */
export function detectorsOf(dataset: DicomJson): Detector[] {
  if (stringOf(dataset, tag.modality) !== "NM") return [];
  const type = stringsOf(dataset, tag.imageType)[2] ?? "";
  if (/TOMO|RECON/.test(type.toUpperCase())) return [];
  const items = itemsOf(dataset, tag.detectors);
  const used = new Set(numbersOf(dataset, tag.detectorVector));
  const count = Math.max(numbersOf(dataset, tag.numberOfDetectors)[0] ?? 1, items.length);
  return Array.from({ length: count }, (_, index) => ({ number: index + 1, view: viewOf(items[index]) })).filter(
    ({ number }) => used.size === 0 || used.has(number),
  );
}

function viewOf(item: DicomJson | undefined): string {
  const [code] = item ? itemsOf(item, tag.viewCodes) : [];
  const coded = code && projectionOfCode[stringOf(code, tag.codeValue).trim()];
  if (coded) return coded;
  const meaning = code ? stringOf(code, tag.codeMeaning).trim().toUpperCase() : "";
  if (/^ANT(ERIOR)?$/.test(meaning)) return "ANT";
  if (/^POST(ERIOR)?$/.test(meaning)) return "POST";
  if (meaning) return "";
  // 0 is in front of the patient (C.8.4.11.1.3).
  const angle = item ? numbersOf(item, tag.startAngle)[0] : undefined;
  if (angle === undefined) return "";
  const turned = ((angle % 360) + 360) % 360;
  if (Math.min(turned, 360 - turned) <= nearDeg) return "ANT";
  return Math.abs(turned - 180) <= nearDeg ? "POST" : "";
}

/** Which detector took a frame, counted from 1; null where that is not known. */
export function detectorOfFrame(dataset: DicomJson, frameNumber: number): number | null {
  const stated = numbersOf(dataset, tag.detectorVector)[frameNumber - 1];
  if (stated !== undefined) return stated;
  const detectors = detectorsOf(dataset);
  if (detectors.length === 1) return 1;
  return detectors.length === framesIn(dataset) ? frameNumber : null;
}

/** "ANT", "POST" …; empty where the header does not say it. */
export function detectorView(dataset: DicomJson, frameNumber: number): string {
  const number = detectorOfFrame(dataset, frameNumber);
  return detectorsOf(dataset).find((one) => one.number === number)?.view ?? "";
}

/** Names what one detector took of an instance. */
export const partOfDetector = (sopInstanceUid: string, detector: number): string => `${sopInstanceUid}:${detector}`;
