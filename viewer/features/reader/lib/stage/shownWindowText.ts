import type { DicomJson } from "@/dicom/dicomweb";
import { suvFactorOf } from "@/dicom/pet/suv";
import { text } from "@/shared/i18n";
import { asFineAs, windowText } from "@/shared/lib/format";

/** The window of an image: width and level, and of a PET that has an SUV the SUV from white to black, which it is read in. */
export function shownWindowText(window: { width: number; center: number }, dataset: DicomJson | undefined): string {
  const factor = dataset ? suvFactorOf(dataset) : null;
  if (factor === null) return windowText(window);
  const width = window.width * factor;
  const center = window.center * factor;
  return text().viewing.suvWindow(asFineAs(center - width / 2, width), asFineAs(center + width / 2, width));
}
