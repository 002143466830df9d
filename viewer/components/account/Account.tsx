"use client";

import Link from "next/link";
import { useEffect } from "react";
import { PasswordForm } from "@/components/account/PasswordForm";
import { Answer } from "@/components/admin/parts";
import { Brand } from "@/components/Brand";
import { SignedIn } from "@/components/SignedIn";
import { useAsked } from "@/hooks/useAsked";
import { useText } from "@/hooks/useText";
import { getSession, goToSignIn, type Session } from "@/lib/session";

/** Who one is at this node, and one's own password. */
export function Account() {
  const { account: t, common } = useText();
  const asked = useAsked(() => getSession(true));
  const { value } = asked;
  useEffect(() => {
    if (value && !value.signed_in) goToSignIn();
  }, [value]);
  useEffect(() => {
    document.title = `${t.title} · MediViewAI`;
  }, [t]);
  return (
    <div className="mx-auto flex min-h-dvh max-w-[80rem] flex-col px-5">
      <header className="flex flex-wrap items-center gap-4 py-3">
        <Brand />
        <span className="ml-auto flex items-center gap-3">
          <Link href="/" prefetch={false} className="control">
            {common.studies}
          </Link>
          <SignedIn />
        </span>
      </header>
      <main className="w-full max-w-xl flex-1 pb-10">
        <h1 className="mb-3 text-lg font-semibold">{t.title}</h1>
        <Answer asked={asked}>{(session) => session.signed_in && <Person session={session} />}</Answer>
      </main>
    </div>
  );
}

function Person({ session }: { session: Session }) {
  const { account: t, admin } = useText();
  const words: Record<string, string> = admin.roleWords;
  return (
    <>
      <dl className="mb-6 grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 rounded-lg border border-line bg-panel p-4" data-testid="account">
        <dt className="text-dim">{admin.name}</dt>
        <dd>{session.name}</dd>
        <dt className="text-dim">{admin.roles}</dt>
        <dd>{session.roles.map((one) => words[one] ?? one).join(", ")}</dd>
        <dt className="text-dim">{t.signedInBy}</dt>
        <dd>{session.kind && t.ways[session.kind]}</dd>
      </dl>
      {session.kind === "account" ? (
        <PasswordForm name={session.name} />
      ) : (
        <p className="text-dim">{session.kind === "local" ? t.noSignIn : t.elsewhere}</p>
      )}
    </>
  );
}
