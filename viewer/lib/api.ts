import { Problem, problemFrom, request, unreachable } from "@/lib/http";
import type {
  AnalyzeStarted,
  Finding,
  Health,
  Job,
  NodeEvent,
  Page,
  Pipeline,
  PresignedUpload,
  StudyDetail,
  StudySummary,
} from "@/lib/types";

async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { headers: { Accept: "application/json" }, signal });
  return (await response.json()) as T;
}

async function postJson<T>(path: string, body: unknown): Promise<T> {
  const response = await request(path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

export function listStudies(
  query: { text: string; limit: number; offset: number },
  signal?: AbortSignal,
): Promise<Page<StudySummary>> {
  const parameters = new URLSearchParams({
    limit: String(query.limit),
    offset: String(query.offset),
    q: query.text,
  });
  return getJson(`/api/studies?${parameters}`, signal);
}

export function getStudy(studyInstanceUid: string, signal?: AbortSignal): Promise<StudyDetail> {
  return getJson(`/api/studies/${encodeURIComponent(studyInstanceUid)}`, signal);
}

export async function listFindings(
  studyInstanceUid: string,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const page = await getJson<{ items: Finding[] }>(
    `/api/studies/${encodeURIComponent(studyInstanceUid)}/findings`,
    signal,
  );
  return page.items;
}

export async function listPipelines(signal?: AbortSignal): Promise<Pipeline[]> {
  return (await getJson<{ items: Pipeline[] }>("/api/pipelines", signal)).items;
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
    const stream = new EventSource("/api/events");
    source = stream;
    onState("connecting");
    stream.onopen = () => onState("live");
    stream.onerror = () => {
      onState("lost");
      if (stream.readyState === EventSource.CLOSED && !ended) {
        timer = setTimeout(open, reopenAfterMs);
      }
    };
    for (const topic of ["study", "job", "delivery"] as const) {
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

export function presignUpload(file: {
  name: string;
  type: string;
  size: number;
}): Promise<PresignedUpload> {
  return postJson("/api/uploads/presign", {
    filename: file.name,
    content_type: file.type || "application/octet-stream",
    size_bytes: file.size,
  });
}

export function startAnalysis(uploadId: string): Promise<AnalyzeStarted> {
  return postJson("/api/analyze/start", { upload_id: uploadId });
}

/** Sends the bytes to the presigned address: XMLHttpRequest, because fetch tells no progress. */
export function sendUpload(
  upload: PresignedUpload,
  body: Blob,
  onProgress: (fraction: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) resolve();
      else reject(problemFrom(xhr.status, xhr.responseText));
    };
    xhr.onerror = () =>
      reject(
        new Problem(
          0,
          "The upload broke off.",
          "The object store did not take the file.",
          "Check the connection to the object store, then choose the file again.",
          "upload_failed",
        ),
      );
    if (upload.method === "POST") {
      const form = new FormData();
      for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
      form.append("file", body);
      xhr.send(form);
    } else {
      xhr.send(body);
    }
  });
}
