"use client";

import { useState } from "react";
import { AddModel } from "@/features/admin/components/models/AddModel";
import { Badge } from "@/shared/components/Badge";
import { Agreement } from "@/features/admin/components/models/Agreement";
import { CardEditor } from "@/features/admin/components/models/CardEditor";
import { Drift } from "@/features/admin/components/models/Drift";
import { ModelEvaluation } from "@/features/admin/components/models/ModelEvaluation";
import { ModelOrders } from "@/features/admin/components/models/ModelOrders";
import { Trials } from "@/features/admin/components/models/Trials";
import { Answer } from "@/shared/components/parts";
import { ModelFacts } from "@/shared/components/ModelFacts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { models } from "@/features/admin/lib/adminApi";
import { moment } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import type { Model } from "@/shared/api/types";

const tones: Record<Model["state"], Tone> = {
  added: "warn",
  verified: "busy",
  active: "good",
  shadow: "busy",
  retired: "quiet",
};

/** Every version of every model: its state, its card, and what may be done with it. */
export function Models() {
  const { admin: t } = useText();
  const fetched = useFetched(models.list);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.modelsWhat}</p>
      <Answer fetched={fetched}>
        {({ items, uploads }) => (
          <>
            <AddModel uploads={uploads} onAdded={fetched.reload} />
            <ul className="grid items-start gap-3 xl:grid-cols-2">
              {items.map((model) => (
                <ModelItem key={`${model.name} ${model.version}`} model={model} onChanged={fetched.reload} />
              ))}
            </ul>
          </>
        )}
      </Answer>
      <Drift />
    </>
  );
}

function ModelItem({ model, onChanged }: { model: Model; onChanged: () => void }) {
  const { admin: t, modelCards: cards } = useText();
  const [opened, setOpened] = useState<"" | "card" | "trials">("");
  const turn = (part: "card" | "trials") => setOpened(opened === part ? "" : part);
  // Cards of the release are in its code.
  const isAdded = model.is_added;
  return (
    <li
      data-testid="model"
      data-model={model.name}
      data-state={model.state}
      className={`rounded-lg border border-line bg-panel p-4 ${opened ? "xl:col-span-2" : ""}`}
    >
      <div className="flex items-baseline gap-2">
        <h2 className="font-semibold">{model.name}</h2>
        <span className="text-dim">{model.version}</span>
        <span className="ml-auto flex gap-1.5">
          <Badge word={t.modelStates[model.state]} tone={tones[model.state]} />
          {!model.ready && <Badge word={t.notReady} tone="warn" />}
        </span>
      </div>
      {model.changed_at && (
        <p className="text-xs text-dim">{cards.since(moment(model.changed_at), model.changed_by || t.theRelease)}</p>
      )}
      {model.detail && (
        <p className="mt-1 text-warn" lang="en">
          {model.detail}
        </p>
      )}
      <ModelOrders model={model} onChanged={onChanged} />
      <div className="mt-1.5 flex gap-1.5">
        {isAdded && (
          <Turn word={cards.card} name={`${model.name} ${model.version}`} isOpen={opened === "card"} onTurn={() => turn("card")} />
        )}
        <Turn word={cards.tryIt} name={`${model.name} ${model.version}`} isOpen={opened === "trials"} onTurn={() => turn("trials")} />
      </div>
      {opened === "card" && <CardEditor model={model} onSaved={onChanged} />}
      {opened === "trials" && <Trials model={model} />}
      <ModelEvaluation model={model} />
      <ModelFacts model={model} />
      <Agreement key={model.state} name={model.name} />
      <History key={`${model.state} ${model.changed_at}`} name={model.name} />
    </li>
  );
}

function Turn({ word, name, isOpen, onTurn }: { word: string; name: string; isOpen: boolean; onTurn: () => void }) {
  return (
    <button type="button" className="control px-2 py-0.5 aria-expanded:border-accent" aria-label={`${word}: ${name}`} aria-expanded={isOpen} onClick={onTurn}>
      {word}
    </button>
  );
}

function History({ name }: { name: string }) {
  const { admin: t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-2 text-[0.8125rem]" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="rounded text-dim" aria-label={`${t.history}: ${name}`}>
        {t.history}
      </summary>
      {open && <Changes name={name} />}
    </details>
  );
}

function Changes({ name }: { name: string }) {
  const { admin: t } = useText();
  const fetched = useFetched((signal) => models.get(name, signal), name);
  return (
    <Answer fetched={fetched}>
      {({ history }) => (
        <ol className="mt-1 space-y-0.5">
          {history.length === 0 && <li className="text-dim">{t.nothing}</li>}
          {history.map((one) => (
            <li key={`${one.changed_at}${one.version}${one.to_state}`}>
              {moment(one.changed_at)} · {one.version} · {t.modelStates[one.to_state]} ·{" "}
              {one.changed_by || t.theRelease}
              {one.detail && (
                <span className="block text-dim" lang="en">
                  {one.detail}
                </span>
              )}
            </li>
          ))}
        </ol>
      )}
    </Answer>
  );
}
