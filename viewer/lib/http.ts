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

/** Fetches from the node's own origin; a failure of any kind comes out as a Problem. */
export async function request(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (!response.ok) throw problemFrom(response.status, await response.text());
  return response;
}
