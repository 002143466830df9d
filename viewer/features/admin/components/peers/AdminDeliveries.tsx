"use client";

import { useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { AttemptCells, StudyLink } from "@/features/admin/components/rowCells";
import { Field, PagedGrid, Select } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { deliveries, type DeliveryQuery } from "@/features/admin/lib/adminApi";
import { moment, number } from "@/shared/lib/format";
import { deliveryBadge } from "@/shared/lib/state";

const kinds = ["troubled", "pending", "sending", "sent", "confirmed", "cancelled", "all"] as const;

/** What is on its way, what is held up and by what, and letting it go now. */
export function AdminDeliveries() {
  const { admin: t, states } = useText();
  const [query, setQuery] = useState<DeliveryQuery>({ which: "troubled", destination: "" });
  const pages = usePages(
    (limit, offset, signal) => deliveries.list(query, limit, offset, signal),
    JSON.stringify(query),
  );
  const { reload } = pages.fetched;
  const [message, setMessage] = useState("");
  const action = useAction(reload);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.deliveriesWhat}</p>
      <div className="mb-3 flex flex-wrap items-end gap-3">
        <div className="w-48">
          <Select
            label={t.which}
            of={kinds}
            value={query.which}
            words={(one) => (one === "troubled" ? t.deadLetters : one === "all" ? t.all : states.delivery[one])}
            onChoose={(which) => setQuery({ ...query, which })}
          />
        </div>
        <div className="w-48">
          <Field
            label={t.destination}
            value={query.destination}
            maxLength={80}
            onChange={(event) => setQuery({ ...query, destination: event.target.value })}
          />
        </div>
        <button
          type="button"
          className="control mb-0.5"
          disabled={action.busy}
          onClick={() =>
            void action.run(async () => {
              const { count } = await deliveries.retryAll(query.destination.trim());
              setMessage(t.retried(number(count)));
            })
          }
        >
          {query.destination ? t.retryDestination(query.destination) : t.retryAll}
        </button>
        <span role="status" className="mb-1.5 text-good">
          {message}
        </span>
      </div>
      {action.problem && <ProblemNote problem={action.problem} />}
      <PagedGrid
        pages={pages}
        label={t.parts.deliveries}
        columns={[t.destination, t.study, t.stateWord, t.attempts, t.lastError, ""]}
        empty={query.which === "troubled" ? t.noDeadLetters : t.nothing}
        row={(one) => {
          const badge = deliveryBadge(one.state);
          return (
            <tr key={one.delivery_id} data-testid="admin-delivery" data-state={one.state}>
              <td className="font-medium">{one.destination}</td>
              <td className="text-xs">
                <StudyLink studyInstanceUid={one.study_instance_uid} />
                <div className="max-w-56 truncate font-mono text-dim" title={one.sop_instance_uid}>
                  {one.sop_instance_uid}
                </div>
              </td>
              <td>
                <Badge word={badge.word} tone={badge.tone} title={badge.meaning} />
                <div className="mt-0.5 text-xs text-dim">{moment(one.updated_at)}</div>
              </td>
              <AttemptCells
                attempts={one.attempts}
                lastError={one.last_error || one.note}
                nextAttemptAt={one.state === "pending" ? one.next_attempt_at : null}
                arrived={one.state === "confirmed"}
                retry={() => deliveries.retry(one.delivery_id)}
                onRetried={reload}
              />
            </tr>
          );
        }}
      />
    </>
  );
}
