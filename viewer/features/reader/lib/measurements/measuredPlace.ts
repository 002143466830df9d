import type { LoadedSeries } from "@/cornerstone";
import { imageNumberOf } from "@/dicom/geometry";
import type { Measurement } from "@/dicom/measurements/measurement";
import type { MeasuredPlace } from "@/features/reader/lib/measurements/measurementSentence";
import type { StudyDetail } from "@/shared/api/types";

/** The numbers by which a reader finds a measurement again. */
export function placeOf(
  { sopInstanceUid, frameNumber }: Measurement,
  { opened, studies }: { opened: readonly LoadedSeries[]; studies: ReadonlyMap<string, StudyDetail> },
): MeasuredPlace {
  const series = opened.find(({ indexOfSopInstanceUid }) => indexOfSopInstanceUid.has(sopInstanceUid));
  const frames = series?.order.slices.filter((slice) => slice.sopInstanceUid === sopInstanceUid) ?? [];
  const summary = studies
    .get(series?.studyInstanceUid ?? "")
    ?.series.find((one) => one.series_instance_uid === series?.seriesInstanceUid);
  return {
    seriesNumber: summary?.series_number ?? null,
    imageNumber: imageNumberOf(frames[0]?.dataset),
    frameNumber: frames.length > 1 ? frameNumber : null,
  };
}
