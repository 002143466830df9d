"use client";

import { type FormEvent, useRef, useState } from "react";
import { Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { changePassword } from "@/shared/api/session";

/** One's own password: the old one is asked for, and what the node refuses it says in a sentence. */
export function PasswordForm({
  name,
  takesFocus = false,
  onChanged,
}: {
  name: string;
  /** Where it is all that the page asks for. */
  takesFocus?: boolean;
  onChanged?: () => void;
}) {
  const { account: t } = useText();
  const form = useRef<HTMLFormElement>(null);
  const [changed, setChanged] = useState(false);
  const action = useAction(() => undefined);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const [current, next, again] = ["current", "next", "again"].map((field) => String(given.get(field)));
    const repeated = form.current?.elements.namedItem("again");
    if (next !== again && repeated instanceof HTMLInputElement) {
      repeated.setCustomValidity(t.notAlike);
      repeated.reportValidity();
      return;
    }
    setChanged(false);
    if (await action.run(() => changePassword(current!, next!))) {
      form.current?.reset();
      setChanged(true);
      onChanged?.();
    }
  };
  return (
    <form ref={form} aria-label={t.changePassword} className="space-y-3" onSubmit={(event) => void submit(event)}>
      <h2 className="section-title">{t.changePassword}</h2>
      {/* Password managers keep the new one under this name. */}
      <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
      <Field label={t.current} name="current" type="password" autoFocus={takesFocus} autoComplete="current-password" required maxLength={1024} />
      <Field label={t.next} name="next" type="password" autoComplete="new-password" required maxLength={1024} />
      <Field
        label={t.again}
        name="again"
        type="password"
        autoComplete="new-password"
        required
        maxLength={1024}
        onChange={(event) => event.currentTarget.setCustomValidity("")}
      />
      <p className="text-xs text-dim">{t.othersEnd}</p>
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex items-center gap-3">
        <button type="submit" className="control" disabled={action.busy}>
          {t.changePassword}
        </button>
        <span role="status" className="text-good">
          {changed && t.isChanged}
        </span>
      </div>
    </form>
  );
}
