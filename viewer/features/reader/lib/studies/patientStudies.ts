import type { DicomJson } from "@/dicom/dicomweb";
import { stringOf } from "@/dicom/dicomweb";
import { listStudiesOf } from "@/features/reader/lib/api";
import { request } from "@/shared/api/http";
import type { StudySummary } from "@/shared/api/types";

const studyInstanceUid = "0020000D";
const issuerOfPatientId = "00100021";

/** The studies whose issuer is exactly that one, among what a search with wildcards answered. */
export function ofIssuer(found: readonly DicomJson[], issuer: string): ReadonlySet<string> {
  return new Set(found.filter((one) => stringOf(one, issuerOfPatientId) === issuer).map((one) => stringOf(one, studyInstanceUid)));
}

/** The studies of a patient ID, the newest first; of one issuer alone where it is named. */
export async function listStudiesOfPatient(patientId: string, issuer: string, signal: AbortSignal): Promise<StudySummary[]> {
  const studies = await listStudiesOf(patientId, signal);
  if (issuer === "" || studies.length === 0) return studies;
  const query = new URLSearchParams({ "00100020": patientId, "00100021": issuer, includefield: issuerOfPatientId, limit: "1000" });
  const response = await request(`/dicom-web/studies?${query}`, { headers: { Accept: "application/dicom+json" }, signal });
  const wanted = response.status === 204 ? new Set<string>() : ofIssuer((await response.json()) as DicomJson[], issuer);
  return studies.filter((study) => wanted.has(study.study_instance_uid));
}

/** Whether studies under one patient ID state different names or birth dates. */
export function areOfSeveralPersons(studies: readonly Pick<StudySummary, "patient_name" | "patient_birth_date">[]): boolean {
  const plain = (name: string) => name.replace(/[\^ ]+$/, "").toUpperCase();
  return new Set(studies.map((one) => `${plain(one.patient_name)}\n${one.patient_birth_date ?? ""}`)).size > 1;
}
