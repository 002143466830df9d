"use client";

import { type FormEvent, type HTMLInputTypeAttribute, useState } from "react";
import { idText, patientChanges } from "@/features/admin/lib/patientChangesApi";
import { Field, Grid } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { dateText, personName } from "@/shared/lib/format";
import type { FoundPatient } from "@/shared/api/types";

const empty = { id: "", issuer: "", family: "", given: "", birthDate: "" };

/** Looks a patient up in the hospital's register, which keeps nothing here. */
export function FindPatient() {
  const { orders, patientChanges: t } = useText();
  const [words, setWords] = useState(empty);
  const [found, setFound] = useState<FoundPatient[] | null>(null);
  const action = useAction(() => undefined);
  const field = (name: keyof typeof empty, label: string, type: HTMLInputTypeAttribute = "text") => (
    <Field
      label={label}
      type={type}
      maxLength={64}
      autoComplete="off"
      value={words[name]}
      onChange={(event) => setWords((now) => ({ ...now, [name]: event.target.value }))}
    />
  );
  const find = (event: FormEvent) => {
    event.preventDefault();
    setFound(null);
    void action.run(async () => {
      const { items } = await patientChanges.find({
        patient_id: words.id,
        issuer_of_patient_id: words.issuer,
        family_name: words.family,
        given_name: words.given,
        patient_birth_date: words.birthDate.replaceAll("-", ""),
        patient_sex: "",
      });
      setFound(items);
    });
  };
  return (
    <details className="mb-4 max-w-4xl">
      <summary className="control inline-block">{t.find}</summary>
      <form
        aria-label={t.find}
        className="mt-2 space-y-3 rounded-lg border border-line bg-panel p-4"
        onSubmit={find}
      >
        <p className="text-dim">{t.findWhat}</p>
        <div className="grid gap-3 sm:grid-cols-5">
          {field("id", t.id)}
          {field("issuer", t.issuer)}
          {field("family", t.family)}
          {field("given", t.given)}
          {field("birthDate", orders.birthDate, "date")}
        </div>
        {action.problem && <ProblemNote problem={action.problem} />}
        <button
          type="submit"
          className="control"
          disabled={action.busy || !(words.id || words.family || words.birthDate)}
        >
          {t.search}
        </button>
      </form>
      {found && (
        <Grid label={t.find} columns={[t.patient, orders.birthDate, t.ids]} empty={t.nobody}>
          {found.map((one) => (
            <tr key={one.ids.map((id) => `${id.issuer_of_patient_id} ${id.patient_id}`).join()} data-testid="found-patient">
              <td className="font-medium">{personName(one.patient_name)}</td>
              <td>{dateText(one.patient_birth_date)}</td>
              <td>
                {one.ids.map((id) => (
                  <div key={`${id.issuer_of_patient_id} ${id.patient_id}`}>
                    {idText(id.patient_id, id.issuer_of_patient_id, t)}
                  </div>
                ))}
              </td>
            </tr>
          ))}
        </Grid>
      )}
    </details>
  );
}
