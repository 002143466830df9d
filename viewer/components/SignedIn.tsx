"use client";

import { useEffect, useState } from "react";
import { getSession, signOut, type Session } from "@/lib/session";

/** Who is signed in, and the way out; nothing where the node runs without sign-in. */
export function SignedIn() {
  const [session, setSession] = useState<Session | null>(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    let gone = false;
    getSession().then(
      (found) => !gone && setSession(found),
      // The page itself says that the node does not answer.
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, []);

  if (!session?.signed_in || session.kind === "local") return null;
  return (
    <span className="flex items-center gap-2 text-xs whitespace-nowrap" data-testid="signed-in">
      <span className="max-w-40 truncate" title={`${session.name}: ${session.roles.join(", ")}`}>
        <span className="sr-only">Signed in as </span>
        {session.name}
      </span>
      <button
        type="button"
        className="control"
        onClick={() => void signOut().catch(() => setFailed(true))}
      >
        {failed ? "Sign out failed; try again" : "Sign out"}
      </button>
    </span>
  );
}
