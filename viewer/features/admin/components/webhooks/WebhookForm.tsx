"use client";

import { type FormEvent, useState } from "react";
import { Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import type { Webhook } from "@/shared/api/types";

export interface WebhookWish {
  url: string;
  description: string;
  events: string[];
}

/** Whom to tell, of what: for a new webhook, or for one as it is. */
export function WebhookForm({
  webhook,
  onSave,
  onCancel,
}: {
  webhook: Webhook | null;
  /** Fails with a Problem where the node refuses it. */
  onSave: (wish: WebhookWish) => Promise<unknown>;
  onCancel?: () => void;
}) {
  const { admin: t, webhooks, common } = useText();
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [events, setEvents] = useState(webhook?.events.join(", ") ?? "results.stored, job.failed, job.superseded");
  const action = useAction(() => undefined);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = events.split(",").map((one) => one.trim()).filter(Boolean);
    const taken = await action.run(() =>
      onSave({ url: url.trim(), description: description.trim(), events: wanted }),
    );
    if (taken && !webhook) {
      setUrl("");
      setDescription("");
    }
  };
  return (
    <form
      aria-label={webhook ? `${common.change}: ${webhook.url}` : webhooks.addWebhook}
      className="mb-4 max-w-3xl space-y-3 rounded-lg border border-line bg-panel p-4"
      onSubmit={(event) => void save(event)}
    >
      <Field label={t.url} type="url" required maxLength={2000} value={url} onChange={(e) => setUrl(e.target.value)} />
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label={t.events} required value={events} onChange={(e) => setEvents(e.target.value)} />
        <Field
          label={common.description}
          maxLength={200}
          value={description}
          onChange={(e) => setDescription(e.target.value)}
        />
      </div>
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex gap-2">
        <button type="submit" className="control" disabled={action.busy}>
          {webhook ? common.save : common.add}
        </button>
        {onCancel && (
          <button type="button" className="control" onClick={onCancel}>
            {common.cancel}
          </button>
        )}
      </div>
    </form>
  );
}
