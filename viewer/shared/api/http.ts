import { confirmAgain } from "@/shared/lib/confirmation";
import { text } from "@/shared/i18n";
import { Problem, problemFrom, unreachable } from "@/shared/api/problem";
import { getSession, goToSignIn } from "@/shared/api/session";

const safe = new Set(["GET", "HEAD", "OPTIONS"]);
// All that a browser sends beyond the life of a page is 64 KiB together; more is refused.
const outlivesPageLength = 8192;

/** Fetches from the node's own origin; a failure of any kind comes out as a Problem. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response = await send(path, init, false);
  if (response.ok) return response;
  let problem = problemFrom(response.status, await response.text());
  if (problem.code === "csrf") {
    // Someone signed in again in another tab: the token that this page knows is of the old session.
    response = await send(path, init, true);
    if (response.ok) return response;
    problem = problemFrom(response.status, await response.text());
  }
  while (problem.code === "confirmation_required" && (await confirmAgain(problem.detail))) {
    // A session has another token after each confirmation.
    response = await send(path, init, true);
    if (response.ok) return response;
    problem = problemFrom(response.status, await response.text());
  }
  if (problem.status === 401) goToSignIn();
  throw problem;
}

async function send(path: string, init: RequestInit, again: boolean): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!safe.has(init.method ?? "GET")) {
    headers.set("X-CSRF-Token", (await getSession(again)).csrf_token);
  }
  try {
    return await fetch(path, { credentials: "same-origin", keepalive: outlivesPage(init), ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
}

/** What a person changed is shown at once, and must not be lost with a page that is left meanwhile. */
function outlivesPage({ method = "GET", body }: RequestInit): boolean {
  const isSmall = !body || (typeof body === "string" && body.length <= outlivesPageLength);
  return !safe.has(method) && isSmall;
}

/** Whatever was thrown, as a Problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { refusals, viewing } = text();
  return new Problem(0, refusals.node.viewerFailed, String(error), viewing.reloadPage, "unknown");
}

/** The status that a GET is answered with, its body unread; 0 where the node does not answer. */
export async function statusOf(path: string, headers: HeadersInit, signal: AbortSignal): Promise<number> {
  const answered = new AbortController();
  const stop = () => answered.abort();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { status } = await fetch(path, { credentials: "same-origin", cache: "no-store", headers, signal: answered.signal });
    return status;
  } catch (error) {
    if (signal.aborted) throw error;
    return 0;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
