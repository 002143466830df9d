import type { LoadedSeries, Undrawable } from "@/cornerstone";
import { stringOf } from "@/dicom/dicomweb";

/** Video Endoscopic, Microscopic and Photographic Image Storage (PS3.4 B.5). */
const videoClasses = new Set(["77.1.1.1", "77.1.2.1", "77.1.4.1"].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`));

/** Of an image that cannot be drawn: where its video is, if it is one. */
export function videoPlaceOf(
  { studyInstanceUid, seriesInstanceUid, order }: Pick<LoadedSeries, "studyInstanceUid" | "seriesInstanceUid" | "order">,
  { sopInstanceUid }: Pick<Undrawable, "sopInstanceUid">,
): readonly [string, string, string] | null {
  const slice = order.slices.find((one) => one.sopInstanceUid === sopInstanceUid);
  return slice && videoClasses.has(stringOf(slice.dataset, "00080016")) ? [studyInstanceUid, seriesInstanceUid, sopInstanceUid] : null;
}
