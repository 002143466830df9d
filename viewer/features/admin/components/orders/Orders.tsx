"use client";

import { OrderForm } from "@/features/admin/components/orders/OrderForm";
import { PagedGrid, SureButton } from "@/shared/components/parts";
import { Badge } from "@/shared/components/Badge";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { orders } from "@/features/admin/lib/adminApi";
import { moment, personName } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import type { WorklistItem } from "@/shared/api/types";
import { orderKeeping } from "@/features/admin/lib/ordersApi";

const tones: Record<WorklistItem["state"], Tone> = {
  scheduled: "quiet",
  in_progress: "busy",
  completed: "good",
  cancelled: "warn",
};

/** What modalities are to do: the procedures that were ordered over REST or HL7. */
export function Orders() {
  const { admin: t, common } = useText();
  const pages = usePages(orders.list);
  const { reload } = pages.fetched;
  const action = useAction(reload);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.ordersWhat}</p>
      <OrderForm onAdded={reload} />
      {action.problem && <ProblemNote problem={action.problem} />}
      <PagedGrid
        pages={pages}
        label={t.parts.orders}
        columns={[t.scheduledFor, t.patient, t.accession, t.procedure, t.stateWord, ""]}
        empty={t.noOrders}
        row={(one) => (
          <tr key={one.worklist_item_id} data-testid="order" data-state={one.state}>
            <td>{startOf(one)}</td>
            <td>
              <div className="font-medium">{personName(textOf(one, "patient_name"))}</div>
              <div className="text-xs text-dim">{textOf(one, "patient_id")}</div>
            </td>
            <td>{textOf(one, "accession_number")}</td>
            <td>{textOf(one, "requested_procedure_description")}</td>
            <td>
              <Badge word={t.orderStates[one.state]} tone={tones[one.state]} />
              <div className="mt-0.5 text-xs text-dim">{moment(one.updated_at)}</div>
            </td>
            <td>
              {one.state === "scheduled" || one.state === "in_progress" ? (
                <SureButton
                  word={t.callOff}
                  label={`${t.callOff}: ${textOf(one, "accession_number")}`}
                  busy={action.busy}
                  onSure={() => void action.run(() => orders.callOff(one.worklist_item_id))}
                />
              ) : (
                <SureButton
                  word={common.remove}
                  label={`${common.remove}: ${textOf(one, "accession_number")}`}
                  busy={action.busy}
                  onSure={() => void action.run(() => orderKeeping.remove(one.worklist_item_id))}
                />
              )}
            </td>
          </tr>
        )}
      />
    </>
  );
}

/** An attribute of the order, which holds whatever the standard lets it hold. */
function textOf(item: WorklistItem, name: string): string {
  const value = item[name];
  return typeof value === "string" ? value : "";
}

/** When its first step is to start, and at which station. */
function startOf(item: WorklistItem): string {
  const steps = item.scheduled_procedure_step_sequence;
  const step: unknown = Array.isArray(steps) ? steps[0] : null;
  if (typeof step !== "object" || step === null) return "";
  const names = ["start_date", "start_time"].map((name) => `scheduled_procedure_step_${name}`);
  const values = step as Record<string, unknown>;
  return [...names, "scheduled_station_ae_title"]
    .map((name) => values[name])
    .filter((value) => typeof value === "string")
    .join(" ");
}
