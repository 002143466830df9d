"use client";

import { Badge } from "@/shared/components/Badge";
import { AttemptCells } from "@/features/admin/components/rowCells";
import { PagedGrid } from "@/shared/components/parts";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import type { WebhookNotice } from "@/shared/api/types";
import { webhookKeeping } from "@/features/admin/lib/webhooksApi";

const size = 20;
const tones: Record<WebhookNotice["state"], Tone> = {
  pending: "busy",
  delivered: "good",
  dead: "bad",
};

/** What a webhook sent, the newest first, and sending it once more. */
export function WebhookNotices({ webhookId, onChanged }: { webhookId: string; onChanged: () => void }) {
  const { admin: t, webhooks } = useText();
  const pages = usePages(
    (limit, offset, signal) => webhookKeeping.notices(webhookId, limit, offset, signal),
    webhookId,
    size,
  );
  const changed = () => {
    pages.fetched.reload();
    onChanged();
  };
  return (
    <PagedGrid
      pages={pages}
      label={webhooks.notices}
      columns={[t.event, t.stateWord, t.attempts, t.lastError, ""]}
      empty={webhooks.noNotices}
      row={(one) => (
        <tr key={one.delivery_id} data-testid="notice" data-state={one.state}>
          <td>
            {one.event_type}
            <div className="text-xs text-dim">{moment(one.created_at)}</div>
          </td>
          <td>
            <Badge word={webhooks.noticeStates[one.state]} tone={tones[one.state]} />
            {one.last_status !== null && <div className="mt-0.5 text-xs text-dim">{webhooks.answered(one.last_status)}</div>}
          </td>
          <AttemptCells
            attempts={one.attempts}
            lastError={one.last_error}
            nextAttemptAt={one.next_attempt_at}
            // One that arrived may have been lost by the receiver: it, too, is sent again.
            arrived={false}
            retry={() => webhookKeeping.redeliver(webhookId, one.delivery_id)}
            onRetried={changed}
          />
        </tr>
      )}
    />
  );
}
