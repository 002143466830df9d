/** Corrected, merged, linked and moved patients, and the hospital's register. */
import { dataOf, node } from "@/shared/api/api";
import type {
  ChangedStudies,
  FoundPatient,
  Page,
  PatientChange,
  PatientLink,
  PatientLookup,
} from "@/shared/api/types";
import type { Messages } from "@/shared/i18n";

export const patientChanges = {
  list: (kind: PatientChange["kind"] | undefined, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<PatientChange>>(
      node.GET("/api/v1/patient-changes", { params: { query: { kind, limit, offset } }, signal }),
    ),
  link: (body: PatientLink) => dataOf<ChangedStudies>(node.POST("/api/v1/patient-changes/links", { body })),
  undo: (change_id: string, reason: string) =>
    dataOf<ChangedStudies>(
      node.POST("/api/v1/patient-changes/{change_id}/undo", {
        params: { path: { change_id } },
        body: { reason },
      }),
    ),
  find: (body: PatientLookup) =>
    dataOf<{ items: FoundPatient[] }>(node.POST("/api/v1/patient-changes/lookups", { body })),
};

type Words = Messages["patientChanges"];

/** An ID with who issued it, where that is known. */
export function idText(patient_id: string, issuer: string, t: Words): string {
  return issuer ? t.issuedBy(patient_id, issuer) : patient_id;
}

/** What a change says, in one line. */
export function changeText(change: PatientChange, t: Words): string {
  const patient = idText(change.patient_id, change.issuer_of_patient_id, t);
  const prior = idText(change.prior_patient_id, change.prior_issuer_of_patient_id, t);
  switch (change.kind) {
    case "merge":
      return t.merged(prior, patient);
    case "link":
      return t.linked(patient, prior);
    case "move":
      return t.moved(patient);
    case "demographics":
      return t.corrected(patient);
  }
}
