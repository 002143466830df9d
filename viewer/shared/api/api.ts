import createClient from "openapi-fetch";
import type { Readable } from "openapi-typescript-helpers";
import type { paths } from "@/shared/api/generated/schema";
import { request } from "@/shared/api/http";
import { problemFrom, unreachable } from "@/shared/api/problem";
import type { ListQuery } from "@/shared/lib/listAddress";
import { checkSignedIn } from "@/shared/api/session";
import type {
  Elsewhere,
  Explanation,
  Feedback,
  Finding,
  Health,
  Job,
  LesionCourse,
  LesionMatch,
  Model,
  NewFeedback,
  NewJob,
  NewMatch,
  NodeEvent,
  Page,
  Pipeline,
  Preferences,
  Prior,
  Receiver,
  ReportTemplate,
  StudyDetail,
  StudySummary,
  Trend,
} from "@/shared/api/types";

/** Typed by the node's description; every failure is thrown as a Problem by `request`. */
export const node = createClient<paths>({
  fetch: async (asked) =>
    request(asked.url, {
      method: asked.method,
      headers: asked.headers,
      // No browser takes a body with GET, not even an empty one.
      body: (await asked.text()) || undefined,
      signal: asked.signal,
    }),
});

/** `Readable` is what the client makes of an answer's type: it forgets how long tuples are. */
export async function dataOf<T>(answer: Promise<{ data?: Readable<T> }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw unreachable();
  return data as T;
}

export function listStudies(
  query: ListQuery & { limit: number; patientId?: string },
  signal?: AbortSignal,
): Promise<Page<StudySummary>> {
  const asked = {
    q: query.text,
    limit: query.limit,
    offset: query.offset,
    modality: query.modalities,
    state: query.states,
    report: query.reports,
    critical: query.critical || undefined,
    awaiting_release: query.awaitingRelease || undefined,
    reader: query.mine ? ["me" as const] : undefined,
    study_date_from: query.from || undefined,
    study_date_to: query.to || undefined,
    patient_id: query.patientId,
    sort: query.sort,
    order: query.order || undefined,
  };
  return dataOf<Page<StudySummary>>(
    node.GET("/api/v1/studies", { params: { query: asked }, signal }),
  );
}

export function getPreferences(): Promise<Preferences> {
  return dataOf<Preferences>(node.GET("/api/v1/me/preferences"));
}

export function putPreferences(body: Preferences): Promise<Preferences> {
  return dataOf<Preferences>(node.PUT("/api/v1/me/preferences", { body }));
}

export function getStudy(study_instance_uid: string, signal?: AbortSignal): Promise<StudyDetail> {
  const params = { path: { study_instance_uid } };
  return dataOf<StudyDetail>(node.GET("/api/v1/studies/{study_instance_uid}", { params, signal }));
}

export async function listFindings(
  study_instance_uid: string,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const params = { path: { study_instance_uid } };
  const path = "/api/v1/studies/{study_instance_uid}/findings";
  return (await dataOf<{ items: Finding[] }>(node.GET(path, { params, signal }))).items;
}

/** Each measure of the study over all studies of its patient, the oldest first. */
export async function listTrends(
  study_instance_uid: string,
  signal?: AbortSignal,
): Promise<Trend[]> {
  const params = { path: { study_instance_uid } };
  const path = "/api/v1/studies/{study_instance_uid}/trend";
  return (await dataOf<{ items: Trend[] }>(node.GET(path, { params, signal }))).items;
}

/** The patient's lesions up to the study, by pipeline; the oldest study first. */
export async function listLesions(
  study_instance_uid: string,
  signal?: AbortSignal,
): Promise<LesionCourse[]> {
  const params = { path: { study_instance_uid } };
  const path = "/api/v1/studies/{study_instance_uid}/lesions";
  return (await dataOf<{ items: LesionCourse[] }>(node.GET(path, { params, signal }))).items;
}

export async function listPipelines(signal?: AbortSignal): Promise<Pipeline[]> {
  return (await dataOf<{ items: Pipeline[] }>(node.GET("/api/v1/pipelines", { signal }))).items;
}

/** The cards of the models behind a version of a pipeline. */
export async function listModels(
  pipeline: string,
  pipeline_version: string,
  signal?: AbortSignal,
): Promise<Model[]> {
  const params = { query: { pipeline, pipeline_version } };
  return (await dataOf<{ items: Model[] }>(node.GET("/api/v1/models", { params, signal }))).items;
}

/** What the pipelines and the site's rules say of each series now, condition by condition. */
export async function explainRules(
  study_instance_uid: string,
  signal?: AbortSignal,
): Promise<Explanation[]> {
  const params = { path: { study_instance_uid } };
  const path = "/api/v1/studies/{study_instance_uid}/rules";
  return (await dataOf<{ items: Explanation[] }>(node.GET(path, { params, signal }))).items;
}

/** Of one language, or all of them. */
export async function listReportTemplates(signal?: AbortSignal, language?: string): Promise<ReportTemplate[]> {
  const found = await dataOf<{ items: ReportTemplate[] }>(
    node.GET("/api/v1/report-templates", { params: { query: { language } }, signal }),
  );
  return found.items;
}

export function giveFeedback(finding_id: string, body: NewFeedback): Promise<Feedback> {
  const params = { path: { finding_id } };
  return dataOf<Feedback>(node.POST("/api/v1/findings/{finding_id}/feedback", { params, body }));
}

/** What a lesion was before: the same as the earlier one, or new where none is named. */
export function correctLesionMatch(lesion_id: string, body: NewMatch): Promise<LesionMatch> {
  const params = { path: { lesion_id } };
  return dataOf<LesionMatch>(node.POST("/api/v1/lesions/{lesion_id}/match", { params, body }));
}

export async function listReceivers(signal?: AbortSignal): Promise<Receiver[]> {
  return (await dataOf<{ items: Receiver[] }>(node.GET("/api/v1/receivers", { signal }))).items;
}

/** How many instances are on their way, by peer. */
export async function sendStudy(study_instance_uid: string, to: string[]): Promise<Record<string, number>> {
  const params = { path: { study_instance_uid } };
  const path = "/api/v1/studies/{study_instance_uid}/send";
  return (await dataOf<{ instances: Record<string, number> }>(node.POST(path, { params, body: { to } }))).instances;
}

/** Read a study, so that nobody else changes its report; or leave it to others. */
export async function readStudy(study_instance_uid: string, take_over: boolean): Promise<void> {
  const params = { path: { study_instance_uid } };
  await dataOf(node.PUT("/api/v1/studies/{study_instance_uid}/reader", { params, body: { take_over } }));
}

export async function leaveStudy(study_instance_uid: string): Promise<void> {
  await node.DELETE("/api/v1/studies/{study_instance_uid}/reader", { params: { path: { study_instance_uid } } });
}

/** Let results leave that wait for a person, or withhold them. */
export async function decideRelease(
  study_instance_uid: string,
  destination: string,
  decision: "release" | "withhold",
): Promise<void> {
  const params = { path: { study_instance_uid } };
  await dataOf(node.POST("/api/v1/studies/{study_instance_uid}/release", { params, body: { decision, destination } }));
}

/** Asks the archives, which takes a moment. */
export function listElsewhere(study_instance_uid: string, signal?: AbortSignal): Promise<Elsewhere> {
  const params = { path: { study_instance_uid } };
  return dataOf<Elsewhere>(node.GET("/api/v1/studies/{study_instance_uid}/elsewhere", { params, signal }));
}

/** How far the fetching of a study is. */
export function getElsewhere(study_instance_uid: string, prior: string, signal?: AbortSignal): Promise<Prior> {
  const params = { path: { study_instance_uid, prior_study_instance_uid: prior } };
  return dataOf<Prior>(node.GET("/api/v1/studies/{study_instance_uid}/elsewhere/{prior_study_instance_uid}", { params, signal }));
}

export function fetchElsewhere(study_instance_uid: string, prior: string, source: string): Promise<Prior> {
  const params = { path: { study_instance_uid, prior_study_instance_uid: prior } };
  const path = "/api/v1/studies/{study_instance_uid}/elsewhere/{prior_study_instance_uid}";
  return dataOf<Prior>(node.POST(path, { params, body: { source } }));
}

export function startJob(body: NewJob): Promise<Job> {
  return dataOf<Job>(node.POST("/api/v1/jobs", { body }));
}

export function cancelJob(job_id: string): Promise<Job> {
  return dataOf<Job>(node.POST("/api/v1/jobs/{job_id}/cancel", { params: { path: { job_id } } }));
}

export function retryJob(job_id: string): Promise<Job> {
  return dataOf<Job>(node.POST("/api/v1/jobs/{job_id}/retry", { params: { path: { job_id } } }));
}

export function hurryJob(job_id: string): Promise<Job> {
  const params = { path: { job_id } };
  return dataOf<Job>(node.PATCH("/api/v1/jobs/{job_id}", { params, body: { priority: "STAT" } }));
}

/** Readiness by part. A node that is degraded answers 503 with the same body. */
export async function getHealth(signal?: AbortSignal): Promise<Health> {
  let response: Response;
  try {
    response = await fetch("/health", { headers: { Accept: "application/json" }, signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  const body = await response.text();
  try {
    const value = JSON.parse(body) as Partial<Health>;
    if (value.parts && value.status) return { ...value, takesIn: response.ok } as Health;
  } catch {
    // Falls through to the problem below: the body was not a health report.
  }
  throw problemFrom(response.status, body);
}

export type StreamState = "connecting" | "live" | "lost";

const reopenAfterMs = 3000;

/**
 * Follows the node's events until the returned function is called. The browser reconnects by
 * itself and sends Last-Event-ID; only a refused stream is closed for good, and opened again here.
 */
export function followEvents(
  onEvent: (event: NodeEvent) => void,
  onState: (state: StreamState) => void,
): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;

  const open = () => {
    const stream = new EventSource("/api/v1/events");
    source = stream;
    onState("connecting");
    stream.onopen = () => onState("live");
    stream.onerror = () => {
      onState("lost");
      if (stream.readyState === EventSource.CLOSED && !ended) {
        // Refused, not broken off: perhaps the session has ended.
        void checkSignedIn();
        timer = setTimeout(open, reopenAfterMs);
      }
    };
    for (const topic of ["study", "job", "delivery", "finding", "report", "alert"] as const) {
      stream.addEventListener(topic, (message: MessageEvent<string>) => {
        const event = parseEvent(topic, message.data);
        if (event) onEvent(event);
      });
    }
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    source?.close();
  };
}

function parseEvent(topic: NodeEvent["topic"], data: string): NodeEvent | null {
  try {
    const value = JSON.parse(data) as { study_instance_uid?: string; job?: Job };
    return { topic, study_instance_uid: value.study_instance_uid ?? "", job: value.job };
  } catch {
    return null;
  }
}

/** Sends one part to its address: XMLHttpRequest, because fetch tells no progress. */
export function sendPart(
  url: string,
  bytes: Blob,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    xhr.open("PUT", url);
    xhr.upload.onprogress = (event) => onSent(event.loaded);
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) resolve();
      else reject(problemFrom(xhr.status, xhr.responseText));
    };
    xhr.onerror = () => reject(unreachable());
    xhr.onabort = () => reject(new DOMException("The part was stopped.", "AbortError"));
    xhr.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    xhr.send(bytes);
  });
}
