"use client";

import { useSearchParams } from "next/navigation";
import { useCallback, useEffect, useRef, useState, type FormEvent } from "react";
import { SignInSteps } from "@/features/account/components/SignInSteps";
import { Brand } from "@/shared/components/Brand";
import { LanguageChoice } from "@/shared/components/LanguageSwitch";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import { getSession, ownPage, signIn, type Session } from "@/shared/api/session";

function fromProvider(): Problem {
  const { entry: t } = text();
  return new Problem(401, t.failed, t.providerFailed, t.providerRemedy, "provider");
}

function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, String(error), "", "", "unknown");
}

const field =
  "mt-1 w-full rounded-md border border-line-strong bg-ground px-3 py-2 outline-none focus:border-accent";

/** Name and password, what is left to do after them, and the organisation's own sign-in. */
export function SignInForm() {
  const { entry: t, account } = useText();
  const address = useSearchParams();
  const next = ownPage(address.get("next"));
  // The way back of somebody who is signed in, and showed at the organisation again who it is.
  const confirmed = address.get("confirmed");
  const [session, setSession] = useState<Session | null>(null);
  const [problem, setProblem] = useState<Problem | null>(
    address.get("failed") === "provider" ? fromProvider() : null,
  );
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);

  const goOn = useCallback(
    () =>
      getSession(true).then(
        (found) => {
          if (found.signed_in) window.location.replace(next);
          else setSession(found);
        },
        (error: unknown) => setProblem(asProblem(error)),
      ),
    [next],
  );

  useEffect(() => {
    if (!confirmed) void goOn();
  }, [goOn, confirmed]);

  useEffect(() => {
    document.title = `${t.signIn} · MediViewAI`;
  }, [t]);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      const found = await signIn(String(given.get("name")), String(given.get("password")));
      if (found.signed_in) {
        window.location.replace(next);
        return;
      }
      setSession(found);
      setBusy(false);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
      password.current?.select();
    }
  };

  if (confirmed) {
    return (
      <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-5 px-5 py-10">
        <Brand />
        <p role="status">{confirmed === "yes" ? account.confirmed : account.notConfirmed}</p>
      </main>
    );
  }
  if (session?.step) {
    return (
      <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center gap-5 px-5 py-10">
        <Brand />
        <SignInSteps session={session} onDone={() => void goOn()} />
      </main>
    );
  }
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-5 px-5 py-10">
      <Brand />
      <h1 className="text-xl font-semibold">{t.signIn}</h1>
      {problem && <ProblemNote problem={problem} />}
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        <label className="block">
          {t.name}
          <input
            name="name"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            autoFocus
            maxLength={255}
            className={field}
          />
        </label>
        <label className="block">
          {t.password}
          <input
            ref={password}
            name="password"
            type="password"
            autoComplete="current-password"
            required
            maxLength={1024}
            className={field}
          />
        </label>
        <button
          type="submit"
          disabled={busy}
          className="rounded-md bg-accent px-3 py-2 font-medium text-ground disabled:opacity-60"
        >
          {busy ? t.signingIn : t.signIn}
        </button>
      </form>
      {session?.provider && (
        <a
          href={`${session.provider.href}?next=${encodeURIComponent(next)}`}
          className="rounded-md border border-line-strong px-3 py-2 text-center hover:border-accent"
        >
          {session.provider.label}
        </a>
      )}
      <p className="text-xs text-dim">{t.notMedical}</p>
      <span className="self-start">
        <LanguageChoice />
      </span>
    </main>
  );
}
