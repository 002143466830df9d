import { numbersOf, stringOf, type DicomJson } from "@/lib/dicomweb";
import { text } from "@/lib/i18n";
import { locale } from "@/lib/i18n/language";
import { hasOrientation, pixelSpacingOf } from "@/lib/geometry";

const tag = {
  lossyImageCompression: "00282110",
  lossyRatio: "00282112",
  pixelSpacing: "00280030",
} as const;

/** What a reader must know of an image that cannot be seen in it. */
export function warningsOf(dataset: DicomJson): string[] {
  const { warnings: t } = text().viewing;
  const warnings: string[] = [];
  if (!pixelSpacingOf(dataset)) {
    warnings.push(t.noSpacing);
  } else if (!numbersOf(dataset, tag.pixelSpacing).length && !hasOrientation(dataset)) {
    // Imager Pixel Spacing is measured at the front of the detector (PS3.3 10.7.1.3).
    warnings.push(t.magnified);
  }
  if (stringOf(dataset, tag.lossyImageCompression) === "01") {
    const ratio = numbersOf(dataset, tag.lossyRatio).at(-1);
    warnings.push(t.lossy(ratio ? Number(ratio.toPrecision(3)).toLocaleString(locale()) : ""));
  }
  if (!hasOrientation(dataset)) warnings.push(t.noOrientation);
  return warnings;
}
