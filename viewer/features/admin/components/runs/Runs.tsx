"use client";

import { useEffect, useState } from "react";
import { StudyLink } from "@/features/admin/components/rowCells";
import { RunForm } from "@/features/admin/components/runs/RunForm";
import { runs } from "@/features/admin/lib/runsApi";
import { PagedGrid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { ProgressBar } from "@/shared/components/ProgressBar";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { RetrospectiveRun } from "@/shared/api/types";

const LOOK_AGAIN_MS = 3000;
const outcomes = ["waiting", "started", "completed", "refused", "failed", "cancelled"] as const;

/** A pipeline over stored studies, a few at a time: started, followed, paused and cancelled. */
export function Runs() {
  const { runs: t, admin, common } = useText();
  const pages = usePages(runs.list);
  const { reload, value } = pages.fetched;
  const [shown, setShown] = useState("");
  const isOpen = value?.items.some((one) => one.state === "running" || one.counts.started > 0) ?? false;
  useEffect(() => {
    const timer = isOpen ? setInterval(reload, LOOK_AGAIN_MS) : undefined;
    return () => clearInterval(timer);
  }, [isOpen, reload]);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.what}</p>
      <RunForm onStarted={reload} />
      <PagedGrid
        pages={pages}
        label={admin.parts.runs}
        columns={[admin.pipeline, t.studies, admin.stateWord, common.actions]}
        empty={t.none}
        row={(one) => (
          <RunRow key={one.run_id} run={one} onChanged={reload} onShow={() => setShown(one.run_id)} />
        )}
      />
      {shown && <RunStudies key={shown} runId={shown} />}
    </>
  );
}

function RunRow({ run, onChanged, onShow }: { run: RetrospectiveRun; onChanged: () => void; onShow: () => void }) {
  const { runs: t, common } = useText();
  const title = usePipelineTitles().of(run.pipeline);
  const action = useAction(onChanged);
  const { counts, total } = run;
  const done = total - counts.waiting - counts.started;
  const isOpen = run.state === "running" || run.state === "paused";
  return (
    <tr data-testid="run" data-run-id={run.run_id} data-state={run.state}>
      <td>
        <span className="font-medium">{title}</span>
        <div className="text-xs text-dim">
          {moment(run.created_at)} · {run.started_by}
        </div>
        <div className="text-xs text-dim">
          {t.atOnceOf(run.at_once)} · {run.sends_results ? t.sends : t.stays}
        </div>
      </td>
      <td className="min-w-48 text-xs">
        <ProgressBar percent={total ? Math.round((100 * done) / total) : 100} label={common.progressOf(title)} />
        <div className="mt-1">
          {outcomes
            .filter((one) => counts[one] > 0)
            .map((one) => `${counts[one]} ${t.outcomes[one]}`)
            .join(", ")}
        </div>
      </td>
      <td>{t.states[run.state]}</td>
      <td>
        <div className="flex flex-wrap gap-1.5">
          <button type="button" className="control px-2 py-0.5 text-xs" onClick={onShow}>
            {t.show}
          </button>
          {run.state === "running" && (
            <button
              type="button"
              className="control px-2 py-0.5 text-xs"
              disabled={action.busy}
              onClick={() => void action.run(() => runs.pause(run.run_id))}
            >
              {t.pause}
            </button>
          )}
          {run.state === "paused" && (
            <button
              type="button"
              className="control px-2 py-0.5 text-xs"
              disabled={action.busy}
              onClick={() => void action.run(() => runs.resume(run.run_id))}
            >
              {t.resume}
            </button>
          )}
          {isOpen && (
            <SureButton
              word={t.cancel}
              label={`${t.cancel}: ${title}`}
              busy={action.busy}
              onSure={() => void action.run(() => runs.cancel(run.run_id))}
            />
          )}
        </div>
        {action.problem && <ProblemNote problem={action.problem} />}
      </td>
    </tr>
  );
}

function RunStudies({ runId }: { runId: string }) {
  const { runs: t, admin } = useText();
  const pages = usePages((limit, offset, signal) => runs.studies(runId, limit, offset, signal), runId);
  return (
    <section className="mt-6" aria-label={t.studies} data-testid="run-studies">
      <h2 className="mb-2 font-semibold">{t.studies}</h2>
      <PagedGrid
        pages={pages}
        label={t.studies}
        columns={[admin.studyUid, admin.stateWord, t.reason]}
        empty={admin.nothing}
        row={(one) => (
          <tr key={one.study_instance_uid}>
            <td>
              <StudyLink studyInstanceUid={one.study_instance_uid} />
            </td>
            <td>{t.outcomes[one.state]}</td>
            <td className="max-w-96 text-xs" lang="en">
              {one.reason}
            </td>
          </tr>
        )}
      />
    </section>
  );
}
