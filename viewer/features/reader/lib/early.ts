import { getStudy, listFindings } from "@/shared/api/api";
import type { Finding, StudyDetail } from "@/shared/api/types";

interface Early {
  study: Promise<StudyDetail>;
  findings: Promise<Finding[]>;
}

const asked = new Map<string, Early>();

/** Asks for a study and its findings while the reader's code is still being loaded. */
export function askEarly(studyInstanceUid: string): void {
  if (typeof window === "undefined" || !studyInstanceUid || asked.has(studyInstanceUid)) return;
  const early = { study: getStudy(studyInstanceUid), findings: listFindings(studyInstanceUid) };
  // Who takes the answers hears of their failure.
  for (const answer of Object.values(early)) answer.catch(() => undefined);
  asked.set(studyInstanceUid, early);
}

/** The answers to what was asked early, once; whoever comes later asks anew. */
export function takeEarly(studyInstanceUid: string): Early | null {
  const early = asked.get(studyInstanceUid) ?? null;
  asked.delete(studyInstanceUid);
  return early;
}
