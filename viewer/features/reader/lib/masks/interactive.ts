import { request } from "@/shared/api/http";
import type { InteractiveModels, InteractiveSession, Job } from "@/shared/api/types";
import type { Vector } from "@/dicom/geometry";

const base = "/api/v1/interactive";
const waitS = 20;

/** LPS in mm; `inside` is false for a point that the structure must not contain. */
export interface ClickedPoint {
  lpsMm: Vector;
  inside: boolean;
}

/** A segment of a stored Segmentation with which the model begins. */
export interface InitialMask {
  sopInstanceUid: string;
  segmentNumber: number;
}

export async function listInteractiveModels(signal?: AbortSignal): Promise<InteractiveModels> {
  const response = await request(`${base}/models`, { signal });
  return (await response.json()) as InteractiveModels;
}

/** A new session, once the node has loaded the series and the model, or has given up. */
export async function openInteractiveSession(
  wanted: { studyInstanceUid: string; seriesInstanceUid: string; model: string; structure: string },
  signal: AbortSignal,
): Promise<InteractiveSession> {
  const response = await request(`${base}/sessions`, {
    ...sent("POST", {
      study_instance_uid: wanted.studyInstanceUid,
      series_instance_uid: wanted.seriesInstanceUid,
      model: wanted.model,
      structure: wanted.structure,
    }),
    signal,
  });
  let session = (await response.json()) as InteractiveSession;
  try {
    while (session.state === "opening") session = await readSession(session.session_id, signal);
  } catch (error) {
    endInteractiveSession(session.session_id);
    throw error;
  }
  return session;
}

/** The session with the mask of all these points, beginning with the initial one. */
export async function sendClicks(
  sessionId: string,
  points: readonly ClickedPoint[],
  initial: InitialMask | null,
  signal: AbortSignal,
): Promise<InteractiveSession> {
  const clicks = {
    points: points.map(({ lpsMm, inside }) => ({ lps_mm: [...lpsMm], inside })),
    initial: initial && { sop_instance_uid: initial.sopInstanceUid, segment_number: initial.segmentNumber },
  };
  const response = await request(`${base}/sessions/${sessionId}/clicks`, { ...sent("PUT", clicks), signal });
  let session = (await response.json()) as InteractiveSession;
  while (session.state === "ready" && session.answered < session.number) {
    session = await readSession(sessionId, signal);
  }
  return session;
}

export async function acceptMask(sessionId: string, number: number, label: string): Promise<Job> {
  const response = await request(`${base}/sessions/${sessionId}/accept`, sent("POST", { number, label }));
  return (await response.json()) as Job;
}

/** Best effort: one that is not ended ends by itself when nobody uses it. */
export function endInteractiveSession(sessionId: string): void {
  request(`${base}/sessions/${sessionId}`, { method: "DELETE" }).catch(() => undefined);
}

async function readSession(sessionId: string, signal: AbortSignal): Promise<InteractiveSession> {
  const response = await request(`${base}/sessions/${sessionId}?wait_s=${waitS}`, { signal });
  return (await response.json()) as InteractiveSession;
}

function sent(method: string, body: unknown): RequestInit {
  return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}
