import type { SortKey } from "@/shared/lib/listAddress";
import type { Messages } from "@/shared/i18n";
import type { Job, StudySummary } from "@/shared/api/types";

export type Column = keyof Messages["studyList"]["columns"];

export const allColumns: readonly Column[] = [
  "urgency",
  "patient",
  "id",
  "study_date",
  "modality",
  "description",
  "accession",
  "contents",
  "state",
  "report",
  "reader",
  "pipelines",
  "delivery",
  "received",
];

const standard: readonly Column[] = [
  "urgency",
  "patient",
  "id",
  "study_date",
  "modality",
  "description",
  "state",
  "report",
  "reader",
  "pipelines",
  "delivery",
];

export const sortOf: Partial<Record<Column, SortKey>> = {
  patient: "patient_name",
  id: "patient_id",
  study_date: "study_date",
  accession: "accession_number",
  received: "received_at",
};

/** The columns that a person chose, as far as there are such; the patient is always there. */
export function columnsOf(chosen: readonly string[]): Column[] {
  const known = allColumns.filter((one) => chosen.includes(one));
  if (known.length === 0) return [...standard];
  return known.includes("patient") ? known : ["patient", ...known];
}

/** The newest job of each pipeline: what became of the older ones is history. */
export function newestJobs(jobs: readonly Job[]): Job[] {
  const newest = new Map<string, Job>();
  for (const job of jobs) {
    const known = newest.get(job.pipeline);
    if (!known || known.created_at < job.created_at) newest.set(job.pipeline, job);
  }
  return [...newest.values()].sort((a, b) => a.pipeline.localeCompare(b.pipeline));
}

/** What is made of images, or states something about them: no modality by which a study was taken. */
const notTaken = new Set(["SEG", "SR", "DOC", "PR", "KO", "REG", "FID"]);

export function imageModalities(modalities: readonly string[]): string[] {
  return modalities.filter((one) => !notTaken.has(one));
}

/** Modalities of studies, without those that only results have, for the filter to offer. */
const ofResults = new Set(["SEG", "SR", "DOC", "OT", "PR", "KO", "RTSTRUCT"]);

export function offeredModalities(
  studies: readonly StudySummary[],
  chosen: readonly string[],
): string[] {
  const usual = ["CR", "CT", "DX", "MG", "MR", "NM", "PT", "US", "XA"];
  const here = studies.flatMap((study) => study.modalities).filter((one) => !ofResults.has(one));
  return [...new Set([...usual, ...here, ...chosen])].sort();
}

/** ISO date of a day in local time. */
export function isoDay(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}
