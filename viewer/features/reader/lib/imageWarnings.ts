import { calibrationOf } from "@/dicom/calibration/calibration";
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { suvCaveatsOf, suvCaveatText } from "@/dicom/pet/suvCaveats";
import { text } from "@/shared/i18n";
import { locale } from "@/shared/i18n/language";
import { ageText } from "@/shared/lib/format";
import { hasOrientation } from "@/dicom/geometry";
import { contradictingSides } from "@/dicom/imageView";
import { areOverlaysReadable, hasOverlayInPixels } from "@/dicom/display/pixelCells";
import { ageConflictOf } from "@/dicom/patientAge";
import { patientOrientationOf } from "@/dicom/patientOrientation";

const tag = {
  lossyImageCompression: "00282110",
  lossyRatio: "00282112",
} as const;

/** What a reader must know of an image that cannot be seen in it. */
export function warningsOf(dataset: DicomJson): string[] {
  const { warnings: t, caveats } = text().viewing;
  const warnings = calibrationOf(dataset).caveats.map((caveat) => caveats[caveat]);
  if (stringOf(dataset, tag.lossyImageCompression) === "01") {
    const ratio = numbersOf(dataset, tag.lossyRatio).at(-1);
    warnings.push(t.lossy(ratio ? Number(ratio.toPrecision(3)).toLocaleString(locale()) : ""));
  }
  warnings.push(...suvCaveatsOf(dataset).map((one) => suvCaveatText(one)));
  if (hasOverlayInPixels(dataset) && !areOverlaysReadable(dataset)) warnings.push(t.overlayInPixels);
  const ages = ageConflictOf(dataset);
  if (ages?.kind === "born_after_study") warnings.push(t.bornAfterStudy);
  if (ages?.kind === "ages") warnings.push(t.ages(ageText(ages.byBirthDate), ageText(ages.stated)));
  const sides = contradictingSides(dataset);
  if (sides) warnings.push(t.sides(...sides));
  if (!hasOrientation(dataset) && !patientOrientationOf(dataset)) warnings.push(t.noOrientation);
  return warnings;
}
