"use client";

import { useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { SureButton } from "@/shared/components/parts";
import { WebhookForm } from "@/features/admin/components/webhooks/WebhookForm";
import { WebhookNotices } from "@/features/admin/components/webhooks/WebhookNotices";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { webhooks } from "@/features/admin/lib/adminApi";
import { number } from "@/shared/lib/format";
import type { Webhook } from "@/shared/api/types";
import { webhookKeeping } from "@/features/admin/lib/webhooksApi";

/** One webhook, what may be done with it, and under it what it is asked for: its form or its notices. */
export function WebhookRows({
  webhook,
  columns,
  onSecret,
  onChanged,
}: {
  webhook: Webhook;
  columns: number;
  onSecret: (made: { url: string; secret: string }) => void;
  onChanged: () => void;
}) {
  const { admin: t, webhooks: text, common } = useText();
  const [open, setOpen] = useState<"form" | "notices" | null>(null);
  const [outcome, setOutcome] = useState<{ ok: boolean; sentence: string } | null>(null);
  const action = useAction(onChanged);
  const { webhook_id: id, url } = webhook;
  const ofFhir = webhook.kind === "fhir";
  const turn = (part: "form" | "notices") => setOpen(open === part ? null : part);
  const button = (word: string, run: () => void, expanded?: boolean) => (
    <button
      type="button"
      className="control px-2 py-0.5"
      aria-label={`${word}: ${url}`}
      aria-expanded={expanded}
      disabled={action.busy}
      onClick={run}
    >
      {word}
    </button>
  );
  return (
    <>
      <tr data-testid="webhook">
        <td className="break-all">
          {url}
          {webhook.kind !== "webhook" && <div className="text-xs text-dim">{text.kinds[webhook.kind]}</div>}
          {webhook.names_patients && <Badge word={text.namesPatientsShort} tone="warn" />}
          {webhook.description && <div className="text-xs text-dim">{webhook.description}</div>}
        </td>
        <td className="text-xs">{webhook.events.join(", ")}</td>
        <td>
          <Badge word={webhook.is_active ? t.on : t.off} tone={webhook.is_active ? "good" : "quiet"} />
        </td>
        <td className="text-xs">
          {number(webhook.pending)}
          {webhook.dead > 0 && <div className="text-warn">{t.givenUp(number(webhook.dead))}</div>}
        </td>
        <td>
          <div className="flex flex-wrap gap-1.5">
            {!ofFhir && button(t.test, () => void action.run(async () => setOutcome(await webhooks.ping(id))))}
            {!ofFhir &&
              button(webhook.is_active ? t.turnOff : t.turnOn, () =>
                void action.run(() => webhooks.turn(id, !webhook.is_active)),
              )}
            {button(text.notices, () => turn("notices"), open === "notices")}
            {!ofFhir && button(common.change, () => turn("form"), open === "form")}
            {(webhook.kind === "webhook" || ofFhir) && (
              <SureButton
                word={text.newSecret}
                label={`${text.newSecret}: ${url}`}
                busy={action.busy}
                onSure={() => void action.run(async () => onSecret(await webhookKeeping.newSecret(id)))}
              />
            )}
            <SureButton
              word={common.remove}
              label={`${common.remove}: ${url}`}
              busy={action.busy}
              onSure={() => void action.run(() => webhooks.remove(id))}
            />
          </div>
          {outcome && (
            <p role="status" lang="en" className={outcome.ok ? "text-good" : "text-bad"}>
              {outcome.sentence}
            </p>
          )}
          {action.problem && <ProblemNote problem={action.problem} />}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={columns}>
            {open === "notices" ? (
              <WebhookNotices webhookId={id} onChanged={onChanged} />
            ) : (
              <WebhookForm
                webhook={webhook}
                onSave={async (wish) => {
                  // Of a chat the list has no more than the host: what was not typed stays.
                  const { url: typed, ...others } = wish;
                  await webhookKeeping.change(id, typed === url ? others : wish);
                  setOpen(null);
                  onChanged();
                }}
                onCancel={() => setOpen(null)}
              />
            )}
          </td>
        </tr>
      )}
    </>
  );
}
