"use client";

import { type FormEvent, useState } from "react";
import { Choices, Field, fieldClass, Select } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { peers } from "@/features/admin/lib/adminApi";
import type { DestinationKinds, Peer, PeerChange } from "@/shared/api/types";

const actions = ["store", "query", "retrieve", "commit", "worklist", "reject"] as const;
const notifications = ["mpps", "ian"] as const;
const verifications = ["full", "chain", "none"] as const;

/** A secret that is left empty stays as it was. */
function empty(input: string): string | null {
  return input === "secret" ? null : "";
}

/** In the language of the page where it has a word, else as the node says it. */
export function kindTitle(name: string | undefined, known: DestinationKinds, words: Partial<Record<string, string>>): string {
  const kind = name ?? "ae";
  return words[kind] ?? known.items.find((one) => one.name === kind)?.title ?? kind;
}

/** All of a peer: a new one, or one as it is. */
export function PeerForm({
  peer,
  kinds,
  onDone,
  onCancel,
}: {
  peer: Peer | null;
  kinds: DestinationKinds;
  onDone: () => void;
  onCancel: () => void;
}) {
  const { admin: t, common } = useText();
  const action = useAction(() => undefined);
  const [name, setName] = useState(peer?.name ?? "");
  const [given, setGiven] = useState<PeerChange>(() => {
    if (!peer) return { kind: "ae", may: [...actions], is_destination: false } as PeerChange;
    // What the form does not show goes back as it came.
    const fields: Partial<Peer> = { ...peer };
    delete fields.name;
    delete fields.address;
    delete fields.has_token;
    delete fields.origin;
    delete fields.out_of_reach;
    delete fields.waiting_notifications;
    return fields as PeerChange;
  });
  const set = (change: Partial<PeerChange>) => setGiven((now) => ({ ...now, ...change }));
  const kind = kinds.items.find((one) => one.name === (given.kind ?? "ae"));
  const labels: Partial<Record<string, string>> = {
    ae_title: t.aeTitle,
    host: t.host,
    port: t.port,
    url: t.url,
    token: peer?.has_token ? t.tokenKept : t.token,
    folder: t.folder,
    fhir_version: t.fhirVersion,
    fhir_patients: t.fhirPatients,
    fhir_patient_systems: t.fhirPatientSystems,
    sign_in: t.signIn,
    user_name: t.userName,
    token_url: t.tokenUrl,
    token_scope: t.tokenScope,
  };
  const words: Partial<Record<string, string>> = t.choices;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const taken = await action.run(() =>
      peer ? peers.change(peer.name, given) : peers.add({ ...given, name: name.trim() }),
    );
    if (taken) onDone();
  };
  return (
    <form
      aria-label={peer ? `${common.change}: ${peer.name}` : t.addPeer}
      className="mb-5 max-w-3xl space-y-3 rounded-lg border border-line-strong bg-panel p-4"
      onSubmit={(event) => void submit(event)}
    >
      <div className="grid gap-3 sm:grid-cols-3">
        {!peer && (
          <Field label={t.name} required autoFocus maxLength={80} value={name} onChange={(e) => setName(e.target.value)} />
        )}
        <label className="block text-xs text-dim">
          {t.kind}
          <select
            className={fieldClass}
            value={given.kind ?? "ae"}
            onChange={(event) => set({ kind: event.target.value as PeerChange["kind"] })}
          >
            {kinds.items.map(({ name: one }) => (
              <option key={one} value={one}>
                {kindTitle(one, kinds, t.kinds)}
              </option>
            ))}
          </select>
        </label>
        {kind?.fields.map((field) =>
          field.choices.length > 0 ? (
            <Select
              key={field.name}
              label={labels[field.name] ?? field.label}
              of={field.choices}
              value={String(given[field.name as keyof PeerChange] ?? field.choices[0])}
              words={(one) => words[one] ?? one}
              onChoose={(chosen) => set({ [field.name]: chosen })}
            />
          ) : (
            <Field
              key={field.name}
              label={labels[field.name] ?? field.label}
              type={field.input === "secret" ? "password" : field.input}
              autoComplete={field.input === "secret" ? "off" : undefined}
              maxLength={field.max_length ?? undefined}
              min={field.input === "number" ? 0 : undefined}
              value={String(given[field.name as keyof PeerChange] ?? "")}
              onChange={(e) =>
                set({ [field.name]: field.input === "number" ? Number(e.target.value) : e.target.value || empty(field.input) })
              }
            />
          ),
        )}
        <Field
          label={t.sources}
          defaultValue={(given.sources ?? []).join(", ")}
          onChange={(e) =>
            set({ sources: e.target.value.split(",").map((one) => one.trim()).filter(Boolean) })
          }
        />
        {kind?.may_call && (
          <Field
            label={t.ownCertificates}
            defaultValue={(given.tls_certificates ?? []).join(", ")}
            onChange={(e) =>
              set({ tls_certificates: e.target.value.split(",").map((one) => one.trim()).filter(Boolean) })
            }
          />
        )}
      </div>
      <Choices label={t.may} of={actions} words={t.actions} chosen={given.may ?? []} onChoose={(may) => set({ may })} />
      <div className="flex flex-wrap gap-5">
        <label className="flex items-center gap-1.5">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={given.is_destination ?? false}
            onChange={(event) => set({ is_destination: event.target.checked })}
          />
          {t.isDestination}
        </label>
        <label className="flex items-center gap-1.5">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={given.is_archive ?? false}
            onChange={(event) => set({ is_archive: event.target.checked })}
          />
          {t.isArchive}
        </label>
        <label className="flex items-center gap-1.5">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={given.tls ?? false}
            onChange={(event) => set({ tls: event.target.checked })}
          />
          TLS
        </label>
        {given.tls && (
          <label className="flex items-center gap-1.5 text-dim">
            {t.certificate}
            <select
              className="rounded border border-line-strong bg-ground px-1 py-0.5 text-ink"
              value={given.tls_verify ?? "full"}
              onChange={(event) => set({ tls_verify: event.target.value as PeerChange["tls_verify"] })}
            >
              {verifications.map((one) => (
                <option key={one} value={one}>
                  {t.certificates[one]}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {kind?.may_call && (
        <Choices
          label={t.notifications}
          of={notifications}
          words={t.notificationKinds}
          chosen={given.notifications ?? []}
          onChoose={(chosen) => set({ notifications: chosen })}
        />
      )}
      {given.is_destination && (
        <Choices
          label={t.objectKinds}
          of={kinds.object_kinds.map((one) => one.name)}
          chosen={given.object_kinds ?? []}
          onChoose={(object_kinds) => set({ object_kinds })}
        />
      )}
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex gap-2">
        <button type="submit" className="control border-accent/60" disabled={action.busy}>
          {common.save}
        </button>
        <button type="button" className="control" onClick={onCancel}>
          {common.cancel}
        </button>
      </div>
    </form>
  );
}
