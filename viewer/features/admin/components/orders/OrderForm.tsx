"use client";

import { type FormEvent, type HTMLInputTypeAttribute, useState } from "react";
import { Field, Select } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { emptyOrder, orderFrom, type OrderFields } from "@/features/admin/lib/orderFields";
import { orderKeeping } from "@/features/admin/lib/ordersApi";

const sexes = ["", "F", "M", "O"] as const;

/** A procedure for a modality's worklist, where no RIS orders it. */
export function OrderForm({ onAdded }: { onAdded: () => void }) {
  const { admin: t, orders, common } = useText();
  const [words, setWords] = useState<OrderFields>(emptyOrder);
  const action = useAction(() => undefined);
  const set = (change: Partial<OrderFields>) => setWords((now) => ({ ...now, ...change }));
  const field = (
    name: keyof OrderFields,
    label: string,
    maxLength: number,
    required = false,
    type: HTMLInputTypeAttribute = "text",
  ) => (
    <Field
      label={label}
      type={type}
      maxLength={maxLength}
      required={required}
      autoComplete="off"
      value={words[name]}
      onChange={(event) => set({ [name]: event.target.value })}
    />
  );
  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (await action.run(() => orderKeeping.add(orderFrom(words)))) {
      setWords(emptyOrder);
      onAdded();
    }
  };
  return (
    <details className="mb-4 max-w-4xl">
      <summary className="control inline-block">{orders.addOrder}</summary>
      <form
        aria-label={orders.addOrder}
        className="mt-2 space-y-3 rounded-lg border border-line bg-panel p-4"
        onSubmit={(event) => void add(event)}
      >
        <div className="grid gap-3 sm:grid-cols-4">
          {field("patientName", orders.patientName, 194, true)}
          {field("patientId", t.patientId, 64, true)}
          {field("birthDate", orders.birthDate, 10, false, "date")}
          <Select label={orders.sex} of={sexes} value={words.sex} words={(one) => orders.sexes[one || "U"]} onChoose={(sex) => set({ sex })} />
          {field("accessionNumber", t.accession, 16)}
          {field("description", t.procedure, 64)}
          {field("modality", orders.modality, 16, true)}
          {field("station", orders.station, 16, true)}
          {field("date", orders.startDate, 10, true, "date")}
          {field("time", orders.startTime, 8, true, "time")}
        </div>
        {action.problem && <ProblemNote problem={action.problem} />}
        <button type="submit" className="control" disabled={action.busy}>
          {common.add}
        </button>
      </form>
    </details>
  );
}
