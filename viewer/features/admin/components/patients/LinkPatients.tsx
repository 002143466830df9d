"use client";

import { type FormEvent, useState } from "react";
import { patientChanges } from "@/features/admin/lib/patientChangesApi";
import { Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";

const empty = {
  patient_id: "",
  issuer_of_patient_id: "",
  other_patient_id: "",
  other_issuer_of_patient_id: "",
  reason: "",
};

/** Two IDs of one person are counted as one patient. */
export function LinkPatients({ onLinked }: { onLinked: () => void }) {
  const { patientChanges: t } = useText();
  const [words, setWords] = useState(empty);
  const [studies, setStudies] = useState<number | null>(null);
  const action = useAction(onLinked);
  const field = (name: keyof typeof empty, label: string, maxLength: number, required = false) => (
    <Field
      label={label}
      maxLength={maxLength}
      required={required}
      autoComplete="off"
      value={words[name]}
      onChange={(event) => setWords((now) => ({ ...now, [name]: event.target.value }))}
    />
  );
  const link = async (event: FormEvent) => {
    event.preventDefault();
    setStudies(null);
    const isLinked = await action.run(async () => {
      setStudies((await patientChanges.link(words)).study_instance_uids.length);
    });
    if (isLinked) setWords(empty);
  };
  return (
    <details className="mb-3 max-w-4xl">
      <summary className="control inline-block">{t.link}</summary>
      <form
        aria-label={t.link}
        className="mt-2 space-y-3 rounded-lg border border-line bg-panel p-4"
        onSubmit={(event) => void link(event)}
      >
        <p className="text-dim">{t.linkWhat}</p>
        <div className="grid gap-3 sm:grid-cols-4">
          {field("patient_id", t.id, 64, true)}
          {field("issuer_of_patient_id", t.issuer, 64)}
          {field("other_patient_id", t.otherId, 64, true)}
          {field("other_issuer_of_patient_id", t.otherIssuer, 64)}
        </div>
        {field("reason", t.reason, 500, true)}
        {action.problem && <ProblemNote problem={action.problem} />}
        {studies !== null && <p role="status">{t.linkedNow(studies)}</p>}
        <button type="submit" className="control" disabled={action.busy}>
          {t.link}
        </button>
      </form>
    </details>
  );
}
