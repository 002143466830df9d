"use client";

import { type FormEvent, useState } from "react";
import { RecoveryCodes } from "@/features/account/components/RecoveryCodes";
import { canUseKeys, factors } from "@/features/account/lib/ownAccess";
import { Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import type { NewTotp } from "@/shared/api/types";

/** Sets up an authenticator app or a security key; `onDone` once the recovery codes were seen. */
export function FactorSetup({ keysWork, onDone }: { keysWork: boolean; onDone: () => void }) {
  const { account: t } = useText();
  const [app, setApp] = useState<NewTotp | null>(null);
  const [codes, setCodes] = useState<string[]>([]);
  const action = useAction(() => undefined);
  const enrolled = (given: string[]) => {
    setApp(null);
    if (given.length > 0) setCodes(given);
    else onDone();
  };
  const addKey = () =>
    action.run(async () => enrolled((await factors.addKey(t.factorKinds.webauthn)).recovery_codes));
  if (codes.length > 0) {
    return (
      <RecoveryCodes
        codes={codes}
        onKept={() => {
          setCodes([]);
          onDone();
        }}
      />
    );
  }
  if (app) return <AppForm app={app} onEnrolled={enrolled} onCancel={() => setApp(null)} />;
  return (
    <div className="space-y-2">
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex flex-wrap gap-2">
        <button
          type="button"
          className="control"
          disabled={action.busy}
          onClick={() => void action.run(async () => setApp(await factors.beginApp()))}
        >
          {t.addApp}
        </button>
        {keysWork && canUseKeys() && (
          <button type="button" className="control" disabled={action.busy} onClick={() => void addKey()}>
            {t.addKey}
          </button>
        )}
      </div>
      {!keysWork && <p className="text-xs text-dim">{t.keysNeedName}</p>}
    </div>
  );
}

function AppForm({
  app,
  onEnrolled,
  onCancel,
}: {
  app: NewTotp;
  onEnrolled: (codes: string[]) => void;
  onCancel: () => void;
}) {
  const { account: t } = useText();
  const action = useAction(() => undefined);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const code = String(given.get("code")).trim();
    const label = String(given.get("label")).trim();
    void action.run(async () => onEnrolled((await factors.finishApp(app.factor_id, code, label)).recovery_codes));
  };
  return (
    <form aria-label={t.addApp} className="space-y-3 rounded-lg border border-line bg-panel p-4" onSubmit={submit}>
      <p>{t.scan}</p>
      {/* The node draws it: a data: address, so that nothing of the secret leaves this page. */}
      {/* eslint-disable-next-line @next/next/no-img-element */}
      <img src={app.qr} alt={t.qr} className="rounded bg-white" />
      <p className="text-xs text-dim">
        {t.orType}{" "}
        <code className="break-all text-ink" data-testid="totp-secret">
          {app.secret}
        </code>
      </p>
      <Field
        label={t.code}
        name="code"
        inputMode="numeric"
        autoComplete="one-time-code"
        required
        minLength={6}
        maxLength={12}
        autoFocus
      />
      <Field label={t.label} name="label" autoComplete="off" maxLength={60} />
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex gap-2">
        <button type="submit" className="control" disabled={action.busy}>
          {t.finish}
        </button>
        <button type="button" className="control" onClick={onCancel}>
          {t.cancel}
        </button>
      </div>
    </form>
  );
}
