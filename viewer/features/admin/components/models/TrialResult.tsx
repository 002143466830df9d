"use client";

import { trials } from "@/features/admin/lib/models/modelsApi";
import { Badge } from "@/shared/components/Badge";
import { Answer } from "@/shared/components/parts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { number } from "@/shared/lib/format";
import type { ModelTrial, ModelTrialDetail } from "@/shared/api/types";

const bytesOfMebibyte = 1024 * 1024;

/** What a model made of each series of a study; or why there is nothing. */
export function TrialResult({ trial }: { trial: ModelTrial }) {
  if (trial.state === "failed" && trial.problem) {
    return (
      <p className="mt-1 text-bad" lang="en" role="alert" data-testid="trial-problem">
        {trial.problem.detail} {trial.problem.remedy}
      </p>
    );
  }
  return trial.state === "done" ? <Done trialId={trial.trial_id} /> : null;
}

function Done({ trialId }: { trialId: string }) {
  const { modelCards: t } = useText();
  const fetched = useFetched((signal) => trials.get(trialId, signal), trialId);
  return (
    <Answer fetched={fetched}>
      {({ items, took_s: seconds, memory_bytes: memory }) => (
        <div className="mt-1 space-y-2" data-testid="trial-result">
          <p className="text-dim">{t.took(number(Math.round((seconds ?? 0) * 10) / 10), number(Math.round((memory ?? 0) / bytesOfMebibyte)))}</p>
          {items.map((one) => (
            <Series key={one.series_instance_uid} series={one} />
          ))}
        </div>
      )}
    </Answer>
  );
}

function Series({ series }: { series: ModelTrialDetail["items"][number] }) {
  const { modelCards: t } = useText();
  const name = t.series(series.series_number === null ? "?" : String(series.series_number), series.modality);
  return (
    <section className="rounded-md border border-line p-2" aria-label={name} data-testid="tried-series" data-taken={series.taken}>
      <h4 className="flex items-center gap-2 font-medium">
        {name}
        <Badge word={series.taken ? t.taken : t.notTaken} tone={series.taken ? "good" : "quiet"} />
      </h4>
      <p className="text-dim" lang="en">
        {series.reason}
      </p>
      {series.taken && series.findings.length === 0 && <p>{t.noFindings}</p>}
      <ul className="list-inside list-disc" lang="en">
        {series.findings.map((one, index) => (
          <li key={`${index}${one}`}>{one}</li>
        ))}
      </ul>
      <ul className="text-xs text-dim" lang="en">
        {series.notes.map((one, index) => (
          <li key={`${index}${one}`}>{one}</li>
        ))}
      </ul>
      {series.picture && (
        // A picture that came with the answer; there is nothing to optimise in a static export.
        // eslint-disable-next-line @next/next/no-img-element
        <img alt={t.picture(name)} className="mt-1 max-h-[32rem] max-w-full rounded bg-black" src={`data:image/png;base64,${series.picture}`} />
      )}
    </section>
  );
}
