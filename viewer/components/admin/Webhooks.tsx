"use client";

import { type FormEvent, useState } from "react";
import { Badge } from "@/components/Badge";
import { Answer, Field, Grid, SureButton } from "@/components/admin/parts";
import { Secret } from "@/components/admin/Secret";
import { ProblemNote } from "@/components/ProblemNote";
import { useAsked } from "@/hooks/useAsked";
import { useOrder } from "@/hooks/useOrder";
import { useText } from "@/hooks/useText";
import { webhooks } from "@/lib/adminApi";
import { number } from "@/lib/format";
import type { Webhook } from "@/lib/types";

/** Programs that are told what happens here. */
export function Webhooks() {
  const { admin: t, common } = useText();
  const asked = useAsked(webhooks.list);
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState("results.stored, job.canceled");
  const [secret, setSecret] = useState<{ url: string; value: string } | null>(null);
  const order = useOrder(asked.reload);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = events.split(",").map((one) => one.trim()).filter(Boolean);
    const taken = await order.give(async () => {
      const made = await webhooks.add(url.trim(), "", wanted);
      setSecret({ url: made.url, value: made.secret });
    });
    if (taken) setUrl("");
  };
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.webhooksWhat}</p>
      {secret && <Secret of={secret.url} value={secret.value} onClose={() => setSecret(null)} />}
      <form className="mb-4 flex max-w-3xl flex-wrap items-end gap-2" onSubmit={(event) => void add(event)}>
        <div className="min-w-72 flex-1">
          <Field label={t.url} type="url" required maxLength={2000} value={url} onChange={(e) => setUrl(e.target.value)} />
        </div>
        <div className="min-w-60 flex-1">
          <Field label={t.events} required value={events} onChange={(e) => setEvents(e.target.value)} />
        </div>
        <button type="submit" className="control mb-0.5" disabled={order.busy}>
          {common.add}
        </button>
      </form>
      {order.problem && <ProblemNote problem={order.problem} />}
      <Answer asked={asked}>
        {({ items }) => (
          <Grid
            label={t.parts.webhooks}
            columns={[t.address, t.events, t.stateWord, t.onTheWay, ""]}
            empty={items.length === 0 ? t.noWebhooks : ""}
          >
            {items.map((one) => (
              <WebhookRow key={one.webhook_id} webhook={one} onChanged={asked.reload} />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}

function WebhookRow({ webhook, onChanged }: { webhook: Webhook; onChanged: () => void }) {
  const { admin: t, common } = useText();
  const [told, setTold] = useState<{ ok: boolean; sentence: string } | null>(null);
  const order = useOrder(onChanged);
  const { webhook_id: id } = webhook;
  return (
    <tr data-testid="webhook">
      <td className="break-all">{webhook.url}</td>
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
          <button
            type="button"
            className="control px-2 py-0.5"
            disabled={order.busy}
            onClick={() => void order.give(async () => setTold(await webhooks.ping(id)))}
          >
            {t.test}
          </button>
          <button
            type="button"
            className="control px-2 py-0.5"
            disabled={order.busy}
            onClick={() => void order.give(() => webhooks.turn(id, !webhook.is_active))}
          >
            {webhook.is_active ? t.turnOff : t.turnOn}
          </button>
          <SureButton
            word={common.remove}
            label={`${common.remove}: ${webhook.url}`}
            busy={order.busy}
            onSure={() => void order.give(() => webhooks.remove(id))}
          />
        </div>
        {told && (
          <p role="status" lang="en" className={told.ok ? "text-good" : "text-bad"}>
            {told.sentence}
          </p>
        )}
        {order.problem && <ProblemNote problem={order.problem} />}
      </td>
    </tr>
  );
}
