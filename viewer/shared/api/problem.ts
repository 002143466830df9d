import { text } from "@/shared/i18n";

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

function stringOf(value: unknown): string {
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
    stringOf(parsed.title) || text().refusals.node.status(status),
    stringOf(parsed.detail),
    stringOf(parsed.remedy),
    stringOf(parsed.code) || `http_${status}`,
  );
}

export function unreachable(): Problem {
  const t = text().refusals.node;
  return new Problem(0, t.silent, t.noConnection, t.isItRunning, "unreachable");
}

/** Whether two requests failed for one reason, which is shown once. */
export function isSameProblem(one: Problem, other: Problem | null): boolean {
  return other !== null && one.code === other.code && one.message === other.message;
}
