import { getStudy, listFindings } from "@/shared/api/api";
import { retrieveSeriesMetadata, type DicomJson } from "@/dicom/dicomweb";
import { seriesToOpen } from "@/dicom/segmentation/seg";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import type { Finding, StudyDetail } from "@/shared/api/types";

interface Early {
  study: Promise<StudyDetail>;
  findings: Promise<Finding[]>;
}

const asked = new Map<string, Early>();

interface Headers {
  seriesInstanceUid: string;
  datasets: DicomJson[];
}

/** Those of the series that the next studies most likely open with, by the study's UID. */
const headers = new Map<string, Promise<Headers | null>>();

/** Asks for a study and its findings while the reader's code is still being loaded. */
export function askEarly(studyInstanceUid: string): void {
  if (typeof window === "undefined" || !studyInstanceUid || asked.has(studyInstanceUid)) return;
  const early = { study: getStudy(studyInstanceUid), findings: listFindings(studyInstanceUid) };
  // Who takes the answers hears of their failure.
  for (const answer of Object.values(early)) answer.catch(() => asked.delete(studyInstanceUid));
  asked.set(studyInstanceUid, early);
}

/** The answers to what was asked early, once; what comes later asks again. */
export function takeEarly(studyInstanceUid: string): Early | null {
  const early = asked.get(studyInstanceUid) ?? null;
  asked.delete(studyInstanceUid);
  return early;
}

/**
 * Asks for the studies that are read next, and for the headers of the series that each most likely
 * opens with. What changes meanwhile is read again once a study is open; of studies that were asked
 * for before and are not among these, nothing stays.
 */
export function askAhead(studyInstanceUids: readonly string[]): void {
  for (const known of [asked, headers]) {
    for (const uid of known.keys()) if (!studyInstanceUids.includes(uid)) known.delete(uid);
  }
  for (const uid of studyInstanceUids) {
    askEarly(uid);
    const early = asked.get(uid);
    if (early && !headers.has(uid)) headers.set(uid, headersOf(early));
  }
}

async function headersOf({ study, findings }: Early): Promise<Headers | null> {
  try {
    const opened = await study;
    const seriesInstanceUid = seriesToOpen(opened, await findings);
    if (seriesInstanceUid === null) return null;
    const datasets = await retrieveSeriesMetadata(opened.study_instance_uid, seriesInstanceUid);
    return { seriesInstanceUid, datasets };
  } catch {
    // The study asks for them itself when it is opened, and says what is wrong.
    return null;
  }
}

/** The headers of a series that were asked for ahead, once; null where they were not, or are not all by now. */
export async function takeHeaders(
  { studyInstanceUid, seriesInstanceUid }: SeriesRef,
  instanceCount: number,
): Promise<DicomJson[] | null> {
  const answer = await headers.get(studyInstanceUid);
  if (answer?.seriesInstanceUid !== seriesInstanceUid) return null;
  headers.delete(studyInstanceUid);
  return answer.datasets.length === instanceCount ? answer.datasets : null;
}
