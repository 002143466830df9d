import { retrieveThumbnail, searchSeries } from "@/dicom/dicomweb";
import type { Preview } from "@/features/studies/lib/previews";
import { imageModalities } from "@/features/studies/lib/studyListColumns";

/** More would hide the list. */
const mostSeries = 4;

/** Pictures of the first series of images, in the order of their numbers; what has no picture is left out. */
export async function readPreviews(studyInstanceUid: string, signal: AbortSignal): Promise<Preview[]> {
  const found = await searchSeries(studyInstanceUid, signal);
  const ofImages = found.filter(({ modality }) => imageModalities([modality]).length > 0);
  const first = ofImages.sort((one, other) => (one.number ?? Infinity) - (other.number ?? Infinity)).slice(0, mostSeries);
  const pictures = await Promise.allSettled(
    first.map(async ({ seriesInstanceUid, modality, description }) => ({
      seriesInstanceUid,
      words: [modality, description].filter(Boolean).join(" "),
      url: URL.createObjectURL(await retrieveThumbnail(studyInstanceUid, seriesInstanceUid, signal)),
    })),
  );
  signal.throwIfAborted();
  return pictures.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}
