import { itemsOf, stringOf, type DicomJson } from "@/lib/dicomweb";
import type { Finding, SeriesSummary, StudyDetail } from "@/lib/types";

const notImages = new Set(["SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "FID"]);

export function isImageSeries(series: SeriesSummary): boolean {
  return !notImages.has(series.modality);
}

/** A SEG instance and the series that its mask lies on. */
export interface MaskSource {
  seriesInstanceUid: string;
  sopInstanceUid: string;
  referencedSeriesInstanceUid: string;
  description: string;
}

/** Reads, from the metadata of a SEG series, what each of its instances segments. */
export function maskSources(
  segSeriesInstanceUid: string,
  datasets: readonly DicomJson[],
): MaskSource[] {
  return datasets.map((dataset) => {
    const referenced = itemsOf(dataset, "00081115")[0];
    return {
      seriesInstanceUid: segSeriesInstanceUid,
      sopInstanceUid: stringOf(dataset, "00080018"),
      referencedSeriesInstanceUid: referenced ? stringOf(referenced, "0020000E") : "",
      description: stringOf(dataset, "0008103E"),
    };
  });
}

/**
 * The masks to show over a series. When findings point at some of them, those are current: an older
 * revision of the same result would lie over the newer one.
 */
export function masksToShow(
  sources: readonly MaskSource[],
  seriesInstanceUid: string,
  findings: readonly Finding[],
): MaskSource[] {
  const here = sources.filter((source) => source.referencedSeriesInstanceUid === seriesInstanceUid);
  const current = new Set(findings.map((finding) => finding.segmentation?.sop_instance_uid));
  const pointedAt = here.filter((source) => current.has(source.sopInstanceUid));
  return pointedAt.length > 0 ? pointedAt : here;
}

/** The series to open first: what the newest result was made from, else the one with most images. */
export function seriesToOpen(study: StudyDetail, findings: readonly Finding[]): string | null {
  const images = study.series.filter((series) => isImageSeries(series) && series.instance_count > 0);
  const known = new Set(images.map((series) => series.series_instance_uid));
  const segmented = findings.find((finding) => finding.segmentation && known.has(finding.source_series_instance_uid));
  if (segmented) return segmented.source_series_instance_uid;
  const worked = study.jobs.find((job) => job.state === "COMPLETED" && known.has(job.series_instance_uid));
  if (worked) return worked.series_instance_uid;
  const received = images.filter((series) => series.origin !== "generated");
  const largest = (received.length > 0 ? received : images).toSorted(
    (a, b) => b.instance_count - a.instance_count,
  )[0];
  return largest?.series_instance_uid ?? null;
}
