import { getSession, goToSignIn } from "@/lib/session";

/** An error of the node (RFC 9457 problem+json): what happened, and what to do about it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly remedy: string,
    readonly code: string,
  ) {
    super(detail || title);
    this.name = "Problem";
  }
}

interface ProblemBody {
  title?: unknown;
  detail?: unknown;
  remedy?: unknown;
  code?: unknown;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Reads a failed answer's body, whether or not it is problem+json. */
export function problemFrom(status: number, body: string): Problem {
  let parsed: ProblemBody = {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) parsed = value;
  } catch {
    parsed = {};
  }
  return new Problem(
    status,
    text(parsed.title) || `The node answered with status ${status}.`,
    text(parsed.detail),
    text(parsed.remedy),
    text(parsed.code) || `http_${status}`,
  );
}

export function unreachable(): Problem {
  return new Problem(
    0,
    "The node does not answer.",
    "The connection to the node failed.",
    "Check that the node is running (mediview doctor), then try again.",
    "unreachable",
  );
}

const safe = new Set(["GET", "HEAD", "OPTIONS"]);

/** Fetches from the node's own origin; a failure of any kind comes out as a Problem. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response = await send(path, init, false);
  if (response.ok) return response;
  let problem = problemFrom(response.status, await response.text());
  if (problem.code === "csrf") {
    // Someone signed in anew in another tab: the token that this page knows is of the old session.
    response = await send(path, init, true);
    if (response.ok) return response;
    problem = problemFrom(response.status, await response.text());
  }
  if (problem.status === 401) goToSignIn();
  throw problem;
}

async function send(path: string, init: RequestInit, anew: boolean): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!safe.has(init.method ?? "GET")) {
    headers.set("X-CSRF-Token", (await getSession(anew)).csrf_token);
  }
  try {
    return await fetch(path, { credentials: "same-origin", ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
}

/** Whatever was thrown, as a Problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "The viewer failed.", String(error), "Reload the page.", "unknown");
}
