import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  modality: "00080060",
  rescaleSlope: "00281053",
  rescaleType: "00281054",
} as const;

/**
 * The UCUM unit of an image's values after the modality's rescaling; "1" where they have none. A CT
 * holds Hounsfield units unless its Rescale Type names others (PS3.3 C.8.2.1), and a picture of
 * one, which has nothing to rescale with, holds shades of grey.
 */
export function unitOfValues(dataset: DicomJson): string {
  const isRescaled = numbersOf(dataset, tag.rescaleSlope).length > 0;
  const type = stringOf(dataset, tag.rescaleType).trim();
  return stringOf(dataset, tag.modality) === "CT" && isRescaled && ["", "HU"].includes(type) ? "[hnsf'U]" : "1";
}
