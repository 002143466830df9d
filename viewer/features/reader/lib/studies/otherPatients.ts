import type { StudyDetail } from "@/shared/api/types";

type Named = Pick<StudyDetail, "other_patient_instances" | "unchecked_instances">;

/** The SOP Instance UIDs of what lies in the study and names another patient, one a line. */
export function instancesOfOthers(study: Named | null): string {
  return (study?.other_patient_instances ?? []).map((one) => one.sop_instance_uid).join("\n");
}

/** Those of which the node does not know yet whom they name, one a line. */
export function uncheckedInstances(study: Named | null): string {
  return (study?.unchecked_instances ?? []).map((one) => one.sop_instance_uid).join("\n");
}

/** The series in which something names another patient than the study. */
export function seriesOfOthers(study: Named): ReadonlySet<string> {
  return new Set(study.other_patient_instances.map((one) => one.series_instance_uid));
}

/** Those that may be drawn, and those that name another patient, or may, and that the reader has not chosen. */
export function heldBack<One extends { sopInstanceUid: string }>(
  all: readonly One[],
  others: string,
  chosen: ReadonlySet<string>,
): { drawn: One[]; waiting: One[]; ofOthers: One[] } {
  const known = new Set(others.split("\n"));
  const ofOthers = all.filter((one) => known.has(one.sopInstanceUid));
  const waiting = ofOthers.filter((one) => !chosen.has(one.sopInstanceUid));
  return { drawn: all.filter((one) => !waiting.includes(one)), waiting, ofOthers };
}
