"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import { DensitySwitch } from "@/shared/components/DensitySwitch";
import { LanguageSwitch } from "@/shared/components/LanguageSwitch";
import { ThemeSwitch } from "@/shared/components/ThemeSwitch";
import { useText } from "@/shared/hooks/useText";
import { getSession, signOut, type Session } from "@/shared/api/session";

/** Who is signed in, with the way to the own account, the language, and the way out or to the administrators' pages. */
export function SignedIn() {
  const { account, common } = useText();
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

  return (
    <>
      <LanguageSwitch />
      <ThemeSwitch />
      <DensitySwitch />
      {session?.roles.includes("admin") && (
        <Link href="/admin/" prefetch={false} className="control text-[0.8125rem]">
          {common.administration}
        </Link>
      )}
      {session?.signed_in && session.kind !== "local" && (
        <span className="flex items-center gap-2 text-xs whitespace-nowrap" data-testid="signed-in">
          <Link
            href="/account/"
            prefetch={false}
            className="max-w-40 truncate rounded hover:text-accent hover:underline"
            aria-label={account.link(session.name)}
            title={`${session.name}: ${session.roles.join(", ")}`}
          >
            {session.name}
          </Link>
          <button
            type="button"
            className="control"
            onClick={() => void signOut().catch(() => setFailed(true))}
          >
            {failed ? common.signOutFailed : common.signOut}
          </button>
        </span>
      )}
    </>
  );
}
