import { getStudy } from "@/lib/api";
import type { StudyDetail } from "@/lib/types";

const asked = new Map<string, Promise<StudyDetail>>();

/** Asks for a study while the reader's code is still being loaded. */
export function askEarly(studyInstanceUid: string): void {
  if (typeof window === "undefined" || !studyInstanceUid || asked.has(studyInstanceUid)) return;
  const answer = getStudy(studyInstanceUid);
  // Who takes the answer hears of its failure.
  answer.catch(() => undefined);
  asked.set(studyInstanceUid, answer);
}

/** The answer to what was asked early, once; whoever comes later asks anew. */
export function takeEarly(studyInstanceUid: string): Promise<StudyDetail> | null {
  const answer = asked.get(studyInstanceUid) ?? null;
  asked.delete(studyInstanceUid);
  return answer;
}
