"use client";

import { useState } from "react";
import { Badge } from "@/components/Badge";
import { AttemptCells } from "@/components/admin/outgoing";
import { Answer, PagedGrid } from "@/components/admin/parts";
import { ProblemNote } from "@/components/ProblemNote";
import { useAsked } from "@/hooks/useAsked";
import { useOrder } from "@/hooks/useOrder";
import { useText } from "@/hooks/useText";
import { moment } from "@/lib/format";
import type { Tone } from "@/lib/state";
import type { WebhookNotice } from "@/lib/types";
import { webhookKeeping } from "@/lib/upkeepApi";

const size = 20;
const tones: Record<WebhookNotice["state"], Tone> = {
  PENDING: "busy",
  DELIVERED: "good",
  DEAD: "bad",
};

/** What a webhook was told, the newest first, and telling it once more. */
export function WebhookNotices({ webhookId, onChanged }: { webhookId: string; onChanged: () => void }) {
  const { admin: t, upkeep } = useText();
  const [offset, setOffset] = useState(0);
  const asked = useAsked(
    (signal) => webhookKeeping.notices(webhookId, size, offset, signal),
    `${webhookId} ${offset}`,
  );
  const order = useOrder(() => {
    asked.reload();
    onChanged();
  });
  return (
    <>
      {order.problem && <ProblemNote problem={order.problem} />}
      <Answer asked={asked}>
        {({ items, total }) => (
          <PagedGrid
            label={upkeep.notices}
            columns={[t.event, t.stateWord, t.attempts, t.lastError, ""]}
            items={items}
            total={total}
            size={size}
            offset={offset}
            onOffset={setOffset}
            empty={upkeep.noNotices}
            row={(one) => (
              <tr key={one.delivery_id} data-testid="notice" data-state={one.state}>
                <td>
                  {one.event_type}
                  <div className="text-xs text-dim">{moment(one.created_at)}</div>
                </td>
                <td>
                  <Badge word={upkeep.noticeStates[one.state]} tone={tones[one.state]} />
                  {one.last_status !== null && <div className="mt-0.5 text-xs text-dim">{upkeep.answered(one.last_status)}</div>}
                </td>
                <AttemptCells
                  attempts={one.attempts}
                  lastError={one.last_error}
                  nextAttemptAt={one.next_attempt_at}
                  // One that arrived may have been lost by the receiver: it, too, is sent again.
                  arrived={false}
                  busy={order.busy}
                  onRetry={() => void order.give(() => webhookKeeping.redeliver(webhookId, one.delivery_id))}
                />
              </tr>
            )}
          />
        )}
      </Answer>
    </>
  );
}
