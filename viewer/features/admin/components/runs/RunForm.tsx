"use client";

import { type FormEvent, useState } from "react";
import { runs } from "@/features/admin/lib/runsApi";
import { emptyRun, runFrom, type RunFields } from "@/features/admin/lib/runFields";
import { Field, Select } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { listPipelines } from "@/shared/api/api";

/** Which pipeline runs over which stored studies; how many match is shown before it is started. */
export function RunForm({ onStarted }: { onStarted: () => void }) {
  const { runs: t, admin, orders } = useText();
  const { value: pipelines } = useFetched(listPipelines, "pipelines");
  const [fields, setFields] = useState<RunFields>(emptyRun);
  const [matching, setMatching] = useState<number | null>(null);
  const action = useAction(() => undefined);
  const set = (change: Partial<RunFields>) => {
    setFields((now) => ({ ...now, ...change }));
    setMatching(null);
  };
  const known = (pipelines ?? []).filter((one) => one.input_kind !== "image");
  const pipeline = fields.pipeline || known[0]?.name || "";
  const count = () =>
    action.run(async () => {
      setMatching((await runs.start({ ...runFrom(fields, pipeline), dry_run: true })).matching);
    });
  const start = async (event: FormEvent) => {
    event.preventDefault();
    if (matching === null) {
      await count();
    } else if (await action.run(() => runs.start(runFrom(fields, pipeline)))) {
      setFields(emptyRun);
      setMatching(null);
      onStarted();
    }
  };
  return (
    <details className="mb-4 max-w-4xl">
      <summary className="control inline-block">{t.start}</summary>
      <form
        aria-label={t.start}
        className="mt-2 space-y-3 rounded-lg border border-line bg-panel p-4"
        onSubmit={(event) => void start(event)}
      >
        <div className="grid gap-3 sm:grid-cols-4">
          <Select
            label={admin.pipeline}
            of={known.map((one) => one.name)}
            value={pipeline}
            words={(name) => known.find((one) => one.name === name)?.title ?? name}
            onChoose={(chosen) => set({ pipeline: chosen })}
          />
          <Field label={orders.modality} maxLength={16} value={fields.modality} onChange={(e) => set({ modality: e.target.value })} />
          <Field label={t.from} type="date" value={fields.from} onChange={(e) => set({ from: e.target.value })} />
          <Field label={t.to} type="date" value={fields.to} onChange={(e) => set({ to: e.target.value })} />
          <Field label={t.words} maxLength={200} value={fields.words} onChange={(e) => set({ words: e.target.value })} />
          <Field label={t.atOnce} type="number" min={1} max={100} required value={fields.atOnce} onChange={(e) => set({ atOnce: e.target.value })} />
          <label className="flex items-center gap-2 self-end text-sm sm:col-span-2">
            <input type="checkbox" checked={fields.sends} onChange={(e) => set({ sends: e.target.checked })} />
            {t.send}
          </label>
        </div>
        {action.problem && <ProblemNote problem={action.problem} />}
        <div className="flex items-center gap-3">
          <button type="submit" className="control" disabled={action.busy || !pipeline || matching === 0}>
            {matching === null ? t.count : t.startOver(matching)}
          </button>
          {matching !== null && <span role="status">{t.matching(matching)}</span>}
        </div>
      </form>
    </details>
  );
}
