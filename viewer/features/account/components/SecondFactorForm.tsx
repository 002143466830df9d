"use client";

import { type FormEvent, useRef, useState } from "react";
import { canUseKeys, factors } from "@/features/account/lib/ownAccess";
import { Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import type { Session } from "@/shared/api/session";

/** After the password: a code, a security key, or a recovery code. */
export function SecondFactorForm({ session, onShown }: { session: Session; onShown: () => void }) {
  const { entry: t, account } = useText();
  const hasApp = session.second_factors.includes("totp");
  const hasKey = session.second_factors.includes("webauthn") && canUseKeys();
  const [recovering, setRecovering] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const action = useAction(() => undefined);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget).get("code")).trim();
    if (await action.run(() => factors.show(recovering ? { recovery_code: code } : { code }))) onShown();
    else form.current?.querySelector("input")?.select();
  };
  const showKey = async () => {
    if (await action.run(() => factors.showKey())) onShown();
  };
  return (
    <form
      ref={form}
      aria-label={t.secondFactor}
      className="flex flex-col gap-4"
      onSubmit={(event) => void submit(event)}
    >
      <p>{t.secondFactorWhat}</p>
      {action.problem && <ProblemNote problem={action.problem} />}
      {hasKey && (
        <button type="button" className="control py-2" disabled={action.busy} onClick={() => void showKey()}>
          {t.useKey}
        </button>
      )}
      {(recovering || hasApp) && (
        <>
          <Field
            key={recovering ? "recovery" : "code"}
            label={recovering ? t.recoveryCode : t.code}
            name="code"
            inputMode={recovering ? "text" : "numeric"}
            autoComplete={recovering ? "off" : "one-time-code"}
            required
            autoFocus
            maxLength={recovering ? 64 : 12}
          />
          <button type="submit" className="control py-2" disabled={action.busy}>
            {account.goOn}
          </button>
        </>
      )}
      <button
        type="button"
        className="self-start text-sm text-accent underline"
        onClick={() => setRecovering(!recovering)}
      >
        {recovering ? t.useFactor : t.useRecoveryCode}
      </button>
    </form>
  );
}
