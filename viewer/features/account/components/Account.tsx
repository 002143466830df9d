"use client";

import { useEffect } from "react";
import { OwnFhircast } from "@/features/account/components/OwnFhircast";
import { OwnHanging } from "@/features/account/components/OwnHanging";
import { OwnSessions } from "@/features/account/components/OwnSessions";
import { PasswordForm } from "@/features/account/components/PasswordForm";
import { SecondFactors } from "@/features/account/components/SecondFactors";
import { Answer } from "@/shared/components/parts";
import { PageHeader } from "@/shared/components/PageHeader";
import { useOwnSession } from "@/shared/hooks/useOwnSession";
import { useText } from "@/shared/hooks/useText";
import type { Session } from "@/shared/api/session";

/** Who one is at this node; one's own password, second factors and sessions. */
export function Account() {
  const { account: t } = useText();
  const fetched = useOwnSession();
  useEffect(() => {
    document.title = `${t.title} · MediViewAI`;
  }, [t]);
  return (
    <div className="mx-auto flex min-h-dvh max-w-[80rem] flex-col px-5">
      <PageHeader />
      <main className="w-full max-w-5xl flex-1 pb-10">
        <h1 className="mb-3 text-lg font-semibold">{t.title}</h1>
        <Answer fetched={fetched}>{(session) => session.signed_in && <Person session={session} />}</Answer>
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
        <>
          <PasswordForm name={session.name} />
          <SecondFactors />
        </>
      ) : (
        <p className="text-dim">{session.kind === "local" ? t.noSignIn : t.elsewhere}</p>
      )}
      {session.kind !== "local" && <OwnSessions />}
      <OwnFhircast />
      <OwnHanging />
    </>
  );
}
