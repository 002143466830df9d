import { problemFrom, unreachable } from "@/shared/api/problem";

/** Who is signed in, and how to sign in (GET /api/v1/session). */
export interface Session {
  signed_in: boolean;
  /** What the sign-in still lacks; until then `signed_in` is false. */
  step: "" | "second_factor" | "password" | "enrolment";
  /** What may be shown in the step second_factor. */
  second_factors: ("totp" | "webauthn")[];
  kind: "local" | "account" | "key" | "oidc" | null;
  name: string;
  roles: string[];
  csrf_token: string;
  provider: { label: string; href: string } | null;
  /** Whether reports may be dictated to the browser. */
  dictation?: "off" | "device" | "browser";
}

const path = "/api/v1/session";
const signInPage = "/sign-in/";

let known: Promise<Session> | null = null;
/**
 * A page is left once, whatever else is refused meanwhile: who signs out does not mean to come back
 * to where they were, and a second way to the sign-in page would break off the first.
 */
let leaving = false;

async function ask(init?: RequestInit, where = path): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(where, { credentials: "same-origin", cache: "no-store", ...init });
  } catch {
    throw unreachable();
  }
  if (!response.ok) throw problemFrom(response.status, await response.text());
  return response;
}

/** Asked for once a page; `again` asks again, for a session may end or begin in another tab. */
export function getSession(again = false): Promise<Session> {
  if (!known || again) {
    const asked = ask().then((response) => response.json() as Promise<Session>);
    known = asked;
    asked.catch(() => {
      if (known === asked) known = null;
    });
  }
  return known;
}

export async function signIn(name: string, password: string): Promise<Session> {
  const response = await ask({
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, password }),
  });
  const session = (await response.json()) as Session;
  known = Promise.resolve(session);
  return session;
}

/** A wrong `current` is a refusal as any other: one stays signed in, and where one is. */
export async function changePassword(current: string, next: string): Promise<void> {
  const { csrf_token } = await getSession(true);
  await ask(
    {
      method: "PUT",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf_token },
      body: JSON.stringify({ current_password: current, new_password: next }),
    },
    `${path}/password`,
  );
}

/** For what the node asks again who one is; a wrong password is a refusal as any other. */
export async function confirmByPassword(password: string): Promise<void> {
  const { csrf_token } = await getSession(true);
  await ask(
    {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf_token },
      body: JSON.stringify({ password }),
    },
    `${path}/confirmation`,
  );
}

/** Ends the session here, and where the identity provider has one of its own, there as well. */
export async function signOut(): Promise<void> {
  leaving = true;
  try {
    const { csrf_token } = await getSession(true);
    const response = await ask({ method: "DELETE", headers: { "X-CSRF-Token": csrf_token } });
    const { redirect } = (await response.json()) as { redirect: string };
    known = null;
    leaveFor(redirect || signInPage);
  } catch (error) {
    leaving = false;
    throw error;
  }
}

/** A whole new page: nothing of what was on the old one stays in memory. */
function leaveFor(target: string): void {
  window.location.replace(target);
}

/** Goes to the sign-in page, to return from there to where one is. */
export function goToSignIn(): void {
  const { pathname, search, hash } = window.location;
  if (leaving || pathname.startsWith(signInPage.slice(0, -1))) return;
  leaving = true;
  leaveFor(`${signInPage}?next=${encodeURIComponent(pathname + search + hash)}`);
}

/** Goes to the sign-in page where nobody is signed in (any more). */
export async function checkSignedIn(): Promise<void> {
  try {
    if (!(await getSession(true)).signed_in) goToSignIn();
  } catch {
    // A node that does not answer says nothing about who is signed in.
  }
}

/** The page to go to after signing in: one of this node's own, whatever the address says. */
export function ownPage(next: string | null): string {
  return next && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}$/.test(next) ? next : "/";
}
