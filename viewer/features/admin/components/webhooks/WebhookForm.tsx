"use client";

import { type FormEvent, useState } from "react";
import { Field, Select } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { nodeLanguages } from "@/shared/i18n/language";
import type { Webhook } from "@/shared/api/types";

export interface WebhookWish {
  url: string;
  description: string;
  events: string[];
  /** Of people alone. */
  language?: Webhook["language"];
  wait_s?: number;
  quiet_hours?: string;
  names_patients?: boolean;
}

const kinds = ["webhook", "mail", "teams", "slack"] as const;
/** Those that are added here; `fhir` is one of /fhir/Subscription, which is not changed here. */
export type WebhookFormKind = (typeof kinds)[number];
const forPrograms = "results.stored, job.failed, job.superseded";
const forPeople = "alert.*, job.failed, delivery.failed, destination.*, node.*, study.release_overdue";

/** Whom to tell, of what: for a new webhook, or for one as it is. */
export function WebhookForm({
  webhook,
  onSave,
  onCancel,
}: {
  webhook: Webhook | null;
  /** Fails with a Problem where the node refuses it. */
  onSave: (wish: WebhookWish, kind: WebhookFormKind) => Promise<unknown>;
  onCancel?: () => void;
}) {
  const { admin: t, webhooks, common } = useText();
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [events, setEvents] = useState(webhook?.events.join(", ") ?? forPrograms);
  const [kind, setKind] = useState<WebhookFormKind>(kinds.find((one) => one === webhook?.kind) ?? "webhook");
  const [language, setLanguage] = useState<Webhook["language"]>(webhook?.language ?? "en");
  const [waitMinutes, setWaitMinutes] = useState(String((webhook?.wait_s ?? 300) / 60));
  const [quietHours, setQuietHours] = useState(webhook?.quiet_hours ?? "");
  const [namesPatients, setNamesPatients] = useState(webhook?.names_patients ?? false);
  const people = kind !== "webhook";
  const choose = (chosen: WebhookFormKind) => {
    if (events === (people ? forPeople : forPrograms)) setEvents(chosen === "webhook" ? forPrograms : forPeople);
    setKind(chosen);
  };
  const action = useAction(() => undefined);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = events.split(",").map((one) => one.trim()).filter(Boolean);
    const taken = await action.run(() =>
      onSave(
        {
          url: address(url.trim(), kind),
          description: description.trim(),
          events: wanted,
          ...(people && {
            language,
            wait_s: Math.round(Number(waitMinutes) * 60),
            quiet_hours: quietHours.trim(),
            names_patients: namesPatients,
          }),
        },
        kind,
      ),
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
      {!webhook && (
        <Select label={webhooks.kind} of={kinds} value={kind} words={(one) => webhooks.kinds[one]} onChoose={choose} />
      )}
      <Field
        label={kind === "mail" ? webhooks.mailAddress : t.url}
        type={kind === "mail" ? "text" : "url"}
        required
        maxLength={2000}
        value={url}
        onChange={(e) => setUrl(e.target.value)}
      />
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label={t.events} required value={events} onChange={(e) => setEvents(e.target.value)} />
        <Field
          label={common.description}
          maxLength={200}
          value={description}
          onChange={(e) => setDescription(e.target.value)}
        />
      </div>
      {people && (
        <>
          <div className="grid gap-3 sm:grid-cols-3">
            <Select
              label={webhooks.language}
              of={nodeLanguages}
              value={language}
              words={(one) => webhooks.languages[one]}
              onChoose={setLanguage}
            />
            <Field
              label={webhooks.waitMinutes}
              type="number"
              min={0}
              max={10080}
              step="any"
              required
              value={waitMinutes}
              onChange={(e) => setWaitMinutes(e.target.value)}
            />
            <Field
              label={webhooks.quietHours}
              placeholder="22:00-06:00"
              maxLength={11}
              value={quietHours}
              onChange={(e) => setQuietHours(e.target.value)}
            />
          </div>
          <label className="flex items-center gap-2 text-sm">
            <input type="checkbox" checked={namesPatients} onChange={(e) => setNamesPatients(e.target.checked)} />
            {webhooks.namesPatients}
          </label>
          {namesPatients && (
            <p role="alert" className="text-sm text-warn">
              {webhooks.namesPatientsWarning}
            </p>
          )}
        </>
      )}
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

/** As the node wants it: what somebody types for mail is the address alone. */
function address(typed: string, kind: WebhookFormKind): string {
  return kind === "mail" && !typed.startsWith("mailto:") ? `mailto:${typed}` : typed;
}
