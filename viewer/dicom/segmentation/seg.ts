import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { waveformModalities } from "@/dicom/waveform";
import type { DrawnSegmentation, Finding, SeriesSummary, StudyDetail } from "@/shared/api/types";

const notImages = new Set(["SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "FID"]);

export function isImageSeries(series: SeriesSummary): boolean {
  return !notImages.has(series.modality) && !waveformModalities.has(series.modality);
}

/** A SEG instance and the series that its mask lies on. */
export interface MaskSource {
  seriesInstanceUid: string;
  sopInstanceUid: string;
  referencedSeriesInstanceUid: string;
  description: string;
  /** Length of the pixels without the byte that may follow to make it even. */
  pixelBytes: number;
  /** BINARY, FRACTIONAL or LABELMAP (PS3.3 C.8.20.2.3). */
  segmentationType: string;
  /** PROBABILITY or OCCUPANCY of a FRACTIONAL one, else empty. */
  fractionalType: string;
  rows: number;
  columns: number;
  /** The cosines of its planes, where all of them share one orientation. */
  orientation: number[];
  header: DicomJson;
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
      pixelBytes: pixelBytesOf(dataset),
      segmentationType: stringOf(dataset, "00620001"),
      fractionalType: stringOf(dataset, "00620010"),
      rows: numbersOf(dataset, "00280010")[0] ?? 0,
      columns: numbersOf(dataset, "00280011")[0] ?? 0,
      orientation: sharedOrientation(dataset),
      header: dataset,
    };
  });
}

/** Image Orientation (Patient) of the Shared Functional Groups; empty where they state none. */
function sharedOrientation(dataset: DicomJson): number[] {
  const shared = itemsOf(dataset, "52009229")[0];
  const plane = shared && itemsOf(shared, "00209116")[0];
  return plane ? numbersOf(plane, "00200037") : [];
}

function pixelBytesOf(dataset: DicomJson): number {
  // Number of Frames, Rows, Columns, Bits Allocated
  const factors = ["00280008", "00280010", "00280011", "00280100"];
  return Math.ceil(factors.reduce((bits, tag) => bits * (numbersOf(dataset, tag)[0] ?? 1), 1) / 8);
}

/**
 * The same file without the byte that makes the length of its pixels even (PS3.5 8.1.1): the
 * adapter that reads masks takes the even length for a wrong one. Only native pixels in explicit VR
 * little endian are touched, wherever in the file they stand.
 */
export function withoutPadding(part10: ArrayBuffer, pixelBytes: number): ArrayBuffer {
  if (pixelBytes % 2 === 0) return part10;
  const view = new DataView(part10);
  for (let start = part10.byteLength - (pixelBytes + 1) - 12; start >= 0; start -= 2) {
    const isPixelData =
      view.getUint32(start, true) === 0x00107fe0 &&
      view.getUint8(start + 4) === 0x4f && // OB or OW
      view.getUint32(start + 8, true) === pixelBytes + 1;
    if (!isPixelData) continue;
    const end = start + 12 + pixelBytes;
    const shorter = new Uint8Array(part10.byteLength - 1);
    shorter.set(new Uint8Array(part10, 0, end));
    shorter.set(new Uint8Array(part10, end + 1), end);
    new DataView(shorter.buffer).setUint32(start + 8, pixelBytes, true);
    return shorter.buffer;
  }
  return part10;
}

/**
 * The masks to show over a series. When findings point at some of them, those are current: an older
 * revision of the same result would lie over the newer one. What readers drew stands beside them in its
 * newest version.
 */
export function masksToShow(
  sources: readonly MaskSource[],
  seriesInstanceUid: string,
  findings: readonly Finding[],
  drawn: readonly Pick<DrawnSegmentation, "sop_instance_uid" | "replaces">[] = [],
): MaskSource[] {
  const replaced = new Set(drawn.flatMap(({ replaces }) => replaces));
  const here = sources.filter(
    (source) => source.referencedSeriesInstanceUid === seriesInstanceUid && !replaced.has(source.sopInstanceUid),
  );
  const current = new Set(findings.map((finding) => finding.segmentation?.sop_instance_uid));
  if (!here.some((source) => current.has(source.sopInstanceUid))) return here;
  for (const one of drawn) current.add(one.sop_instance_uid);
  return here.filter((source) => current.has(source.sopInstanceUid));
}

/** The series to open first: what the newest result was made from, else the one with most images. */
export function seriesToOpen(study: StudyDetail, findings: readonly Finding[]): string | null {
  const images = study.series.filter((series) => isImageSeries(series) && series.instance_count > 0);
  const known = new Set(images.map((series) => series.series_instance_uid));
  const segmented = findings.find((finding) => finding.segmentation && known.has(finding.source_series_instance_uid));
  if (segmented) return segmented.source_series_instance_uid;
  const worked = study.jobs.find((job) => job.state === "completed" && known.has(job.series_instance_uid));
  if (worked) return worked.series_instance_uid;
  const received = images.filter((series) => series.origin !== "generated");
  const largest = (received.length > 0 ? received : images).toSorted(
    (a, b) => b.instance_count - a.instance_count,
  )[0];
  return largest?.series_instance_uid ?? null;
}
