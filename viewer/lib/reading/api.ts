import { request } from "@/lib/http";
import type { HangingProtocol, Page, StudySummary } from "@/lib/types";

/** The site's hanging protocols, in the order in which they are tried. */
export async function listHangingProtocols(signal?: AbortSignal): Promise<HangingProtocol[]> {
  const response = await request("/api/hanging-protocols", { signal });
  return ((await response.json()) as { protocols: HangingProtocol[] }).protocols;
}

/** The studies of one patient, the newest first. */
export async function listStudiesOf(
  patientId: string,
  signal?: AbortSignal,
): Promise<StudySummary[]> {
  const query = new URLSearchParams({ patient_id: patientId, sort: "study_date", limit: "50" });
  const response = await request(`/api/studies?${query}`, { signal });
  return ((await response.json()) as Page<StudySummary>).items;
}
