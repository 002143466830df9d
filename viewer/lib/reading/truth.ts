import { numbersOf, stringOf, type DicomJson } from "@/lib/dicomweb";
import { hasOrientation, pixelSpacingOf } from "@/lib/geometry";

const tag = {
  lossyImageCompression: "00282110",
  lossyRatio: "00282112",
  pixelSpacing: "00280030",
} as const;

/** What a reader must know of an image that cannot be seen in it. */
export function warningsOf(dataset: DicomJson): string[] {
  const warnings: string[] = [];
  if (!pixelSpacingOf(dataset)) {
    warnings.push("No pixel spacing: lengths in pixels");
  } else if (!numbersOf(dataset, tag.pixelSpacing).length && !hasOrientation(dataset)) {
    // Imager Pixel Spacing is measured at the front of the detector (PS3.3 10.7.1.3).
    warnings.push("Lengths as on the detector, magnified");
  }
  if (stringOf(dataset, tag.lossyImageCompression) === "01") {
    const ratio = numbersOf(dataset, tag.lossyRatio).at(-1);
    warnings.push(ratio ? `Lossy compression, ${Number(ratio.toPrecision(3))} : 1` : "Lossy compression");
  }
  if (!hasOrientation(dataset)) warnings.push("No orientation in the header");
  return warnings;
}
