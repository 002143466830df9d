import { request } from "@/shared/api/http";
import type { NewSharedView, Page, SharedView, SharedViewSummary } from "@/shared/api/types";

const path = "/api/v1/shared-views";

export type ValidFor = NewSharedView["valid_for"];
export const durations: readonly ValidFor[] = ["hour", "day", "week"];

export async function shareView(view: NewSharedView): Promise<SharedViewSummary> {
  const response = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(view),
  });
  return (await response.json()) as SharedViewSummary;
}

/** The caller's links to views of a study that open now, the newest first. */
export async function listSharedViews(studyInstanceUid: string, signal?: AbortSignal): Promise<SharedViewSummary[]> {
  const query = new URLSearchParams({ study_instance_uid: studyInstanceUid, limit: "200" });
  const response = await request(`${path}?${query}`, { signal });
  return ((await response.json()) as Page<SharedViewSummary>).items;
}

export async function openSharedView(id: string, signal?: AbortSignal): Promise<SharedView> {
  return (await (await request(`${path}/${encodeURIComponent(id)}`, { signal })).json()) as SharedView;
}

export async function revokeSharedView(id: string): Promise<void> {
  await request(`${path}/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** What is passed on: a random identifier, and nothing of the study. */
export function linkTo(id: string, origin: string): string {
  return `${origin}/study/?shared=${id}`;
}
