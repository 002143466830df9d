"use client";

import { type FormEvent, useEffect, useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { listPipelines, startJob } from "@/shared/api/api";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { isImageSeries } from "@/dicom/segmentation/seg";
import { hasEndedInVain } from "@/shared/lib/state";
import type { Pipeline, StudyDetail } from "@/shared/api/types";

/** Runs a pipeline on a series, at once if it is STAT; a refusal is shown in the pipeline's words. */
export function RunPipeline({ study, onChanged }: { study: StudyDetail; onChanged: () => void }) {
  const { reader: t } = useText();
  const series = study.series.filter(isImageSeries);
  const [pipelines, setPipelines] = useState<Pipeline[] | null>(null);
  const [unread, setUnread] = useState<Problem | null>(null);
  const [pipeline, setPipeline] = useState("");
  const [seriesUid, setSeriesUid] = useState("");
  const [stat, setStat] = useState(true);
  const [message, setMessage] = useState("");
  const [open, setOpen] = useState(false);
  const action = useAction(onChanged);

  useEffect(() => {
    if (!open) return;
    const controller = new AbortController();
    listPipelines(controller.signal).then(setPipelines, (error: unknown) => {
      if (!controller.signal.aborted) setUnread(asProblem(error));
    });
    return () => controller.abort();
  }, [open]);

  if (series.length === 0) return null;
  const ready = pipelines?.filter((one) => one.ready) ?? [];
  const name = pipeline || ready[0]?.name || "";
  const run = async (event: FormEvent) => {
    event.preventDefault();
    setMessage("");
    const taken = await action.run(async () => {
      const job = await startJob({
        pipeline: name,
        series_instance_uid: seriesUid || (series[0]?.series_instance_uid ?? ""),
        study_instance_uid: study.study_instance_uid,
        priority: stat ? "STAT" : "ROUTINE",
        force: false,
      });
      setMessage(
        job.state === "completed"
          ? t.ranAlready
          : hasEndedInVain(job)
            ? t.wasCanceled
            : t.willRun,
      );
    });
    if (!taken) setMessage("");
  };
  const field = "mt-0.5 w-full rounded border border-line-strong bg-ground px-2 py-1 text-ink";
  return (
    <details className="mt-3" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="rounded text-dim">{t.runPipeline}</summary>
      {unread && <ProblemNote problem={unread} />}
      {open && pipelines && (
        <form className="mt-2 space-y-2" onSubmit={(event) => void run(event)}>
          <label className="block text-xs text-dim">
            {t.pipeline}
            <select className={field} value={name} onChange={(event) => setPipeline(event.target.value)}>
              {ready.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.title}
                </option>
              ))}
            </select>
          </label>
          <label className="block text-xs text-dim">
            {t.series}
            <select className={field} value={seriesUid} onChange={(event) => setSeriesUid(event.target.value)}>
              {series.map((one) => (
                <option key={one.series_instance_uid} value={one.series_instance_uid}>
                  {`${one.modality} ${one.series_number ?? ""} ${one.series_description}`}
                </option>
              ))}
            </select>
          </label>
          <div className="flex items-center justify-between">
            <label className="flex items-center gap-2">
              <input
                type="checkbox"
                className="size-4 accent-accent"
                checked={stat}
                onChange={(event) => setStat(event.target.checked)}
              />
              {t.statFirst}
            </label>
            <button type="submit" className="control" disabled={action.busy || name === ""}>
              {t.run}
            </button>
          </div>
          <p role="status" className="text-dim">
            {message}
          </p>
          {action.problem && <ProblemNote problem={action.problem} />}
        </form>
      )}
    </details>
  );
}
