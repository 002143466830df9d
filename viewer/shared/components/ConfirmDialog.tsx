"use client";

import { type FormEvent, useEffect, useRef, useState } from "react";
import { Field } from "@/shared/components/parts";
import { Dialog } from "@/shared/components/Dialog";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { answerConfirmations } from "@/shared/lib/confirmation";
import { confirmByPassword, getSession, type Session } from "@/shared/api/session";

interface Question {
  reason: string;
  session: Session;
  answer: (confirmed: boolean) => void;
}

/** On every page: asks again for the password, or for a sign-in at the organisation, when the node wants it. */
export function ConfirmDialog() {
  const [question, setQuestion] = useState<Question | null>(null);
  useEffect(
    () =>
      answerConfirmations(async (reason) => {
        const session = await getSession(true);
        return new Promise<boolean>((resolve) => {
          const answer = (confirmed: boolean) => {
            setQuestion(null);
            resolve(confirmed);
          };
          setQuestion({ reason, session, answer });
        });
      }),
    [],
  );
  return question && <Asked {...question} />;
}

function Asked({ reason, session, answer }: Question) {
  const { account: t } = useText();
  const action = useAction(() => undefined);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    // After the dialog has opened, which focuses its own button to close it.
    const password = form.current?.elements.namedItem("password");
    if (password instanceof HTMLInputElement) password.focus();
  }, []);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = String(new FormData(event.currentTarget).get("password") ?? "");
    if (session.kind !== "account" || (await action.run(() => confirmByPassword(given)))) answer(true);
  };
  return (
    <Dialog title={t.confirm} testId="confirmation" onClose={() => answer(false)}>
      <form ref={form} className="space-y-3" onSubmit={(event) => void submit(event)}>
        <p>{reason}</p>
        {session.kind === "account" ? (
          <>
            <input type="text" name="username" autoComplete="username" value={session.name} readOnly hidden />
            <Field
              label={t.passwordOf(session.name)}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              maxLength={1024}
            />
          </>
        ) : (
          <p>
            <a
              className="text-accent underline"
              target="_blank"
              rel="noopener"
              href={`${session.provider?.href}?confirm=true&next=${encodeURIComponent("/sign-in/?confirmed=yes")}`}
            >
              {t.confirmElsewhere}
            </a>
          </p>
        )}
        {action.problem && <ProblemNote problem={action.problem} />}
        <button type="submit" className="control" disabled={action.busy}>
          {t.goOn}
        </button>
      </form>
    </Dialog>
  );
}
