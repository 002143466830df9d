"use client";

import { type FormEvent, useState } from "react";
import { models, type ModelOrder } from "@/features/admin/lib/adminApi";
import { ordersOf, whatStops } from "@/features/admin/lib/modelOrders";
import { Dialog } from "@/shared/components/Dialog";
import { Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import type { Model } from "@/shared/api/types";

/** The buttons of a version; what ends something is asked about first. */
export function ModelOrders({ model, onChanged }: { model: Model; onChanged: () => void }) {
  const { admin: t } = useText();
  const titles = usePipelineTitles();
  const action = useAction(onChanged);
  const [asked, setAsked] = useState<ModelOrder | null>(null);
  const give = (order: ModelOrder, reason = "") =>
    action.run(() => models.order(order, model.name, model.version, reason));
  const submit = (order: ModelOrder) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason") ?? "").trim();
    setAsked(null);
    void give(order, reason);
  };
  const pipelines = model.pipelines.map((one) => titles.of(one)).join(", ");
  return (
    <>
      <div className="mt-2 flex flex-wrap gap-1.5" role="group" aria-label={`${model.name} ${model.version}`}>
        {ordersOf(model.state).map((one) => (
          <button
            key={one}
            type="button"
            className="control px-2 py-0.5"
            disabled={action.busy}
            onClick={() => (whatStops(one, model.state, pipelines) === "" ? void give(one) : setAsked(one))}
          >
            {t.modelOrders[one]}
          </button>
        ))}
      </div>
      {asked && (
        <Dialog
          title={t.modelOrderOf(t.modelOrders[asked], model.name, model.version)}
          testId="model-order"
          onClose={() => setAsked(null)}
        >
          <form className="space-y-3" onSubmit={submit(asked)}>
            <p>{whatStops(asked, model.state, pipelines)}</p>
            {asked === "retire" && <Field label={t.retireReason} name="reason" maxLength={500} autoComplete="off" />}
            <button type="submit" className="control">
              {t.modelOrders[asked]}
            </button>
          </form>
        </Dialog>
      )}
      {action.problem && <ProblemNote problem={action.problem} />}
    </>
  );
}
