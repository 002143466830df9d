/** The form of a run over stored studies, and what it asks the node for. */
import type { NewRun } from "@/shared/api/types";

export interface RunFields {
  pipeline: string;
  words: string;
  /** One or several, separated by commas or spaces. */
  modality: string;
  from: string;
  to: string;
  atOnce: string;
  sends: boolean;
}

export const emptyRun: RunFields = {
  pipeline: "",
  words: "",
  modality: "",
  from: "",
  to: "",
  atOnce: "2",
  sends: false,
};

export function runFrom(fields: RunFields, pipeline: string): NewRun {
  const modality = fields.modality.toUpperCase().split(/[\s,]+/).filter(Boolean);
  return {
    pipeline,
    studies: {
      q: fields.words.trim(),
      state: [],
      modality,
      patient_id: "",
      accession_number: "",
      ...(fields.from && { study_date_from: fields.from }),
      ...(fields.to && { study_date_to: fields.to }),
    },
    at_once: Number(fields.atOnce),
    priority: "LOW",
    sends_results: fields.sends,
    dry_run: false,
  };
}
