import { ProgressBar } from "@/components/ProgressBar";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import { useText } from "@/hooks/useText";
import { number } from "@/lib/format";
import { percent } from "@/lib/state";
import type { Job, StudySummary } from "@/lib/types";
import { newestJobs } from "@/lib/worklist";

const colors: Record<Job["state"], string> = {
  SCHEDULED: "bg-line-strong",
  "IN PROGRESS": "bg-accent",
  COMPLETED: "bg-good",
  FAILED: "bg-bad",
  CANCELLED: "bg-line-strong",
  SUPERSEDED: "bg-warn",
};

/** How far each pipeline is with the study; those that refused it behind one word, with the reasons. */
export function PipelineStates({ study }: { study: StudySummary }) {
  const { common, states, worklist: t } = useText();
  const titles = usePipelineTitles();
  const words: Record<Job["state"], string> = {
    SCHEDULED: t.queued,
    "IN PROGRESS": t.running,
    COMPLETED: t.done,
    FAILED: t.failed,
    CANCELLED: states.job.CANCELLED,
    SUPERSEDED: states.job.SUPERSEDED,
  };
  return (
    <ul className="space-y-1 text-xs">
      {newestJobs(study.jobs).map((job) => (
        <li key={job.job_id} data-testid="row-pipeline" data-state={job.state}>
          <span className="flex items-baseline gap-1.5">
            <span
              aria-hidden="true"
              className={`size-2 shrink-0 translate-y-[-1px] rounded-full ${colors[job.state]}`}
            />
            <span className="truncate">{titles.of(job.pipeline)}</span>
            <span className="ml-auto text-dim" title={job.reason || undefined}>
              {job.state === "IN PROGRESS" ? `${percent(job)} %` : words[job.state]}
            </span>
          </span>
          {job.state === "IN PROGRESS" && (
            <div className="mt-1" data-testid="row-progress">
              <ProgressBar percent={percent(job)} label={common.progressOf(titles.of(job.pipeline))} />
              <div className="mt-0.5 text-dim" lang="en">
                {job.stage_text || job.stage}
              </div>
            </div>
          )}
        </li>
      ))}
      {study.refusals.length > 0 && (
        <li>
          <details className="relative z-10">
            <summary className="rounded text-dim hover:text-ink">
              {t.refusals(number(study.refusals.length))}
            </summary>
            <dl className="mt-1 space-y-1.5">
              {study.refusals.map(({ pipeline, reason }) => (
                <div key={pipeline}>
                  <dt className="font-medium">{titles.of(pipeline)}</dt>
                  <dd className="text-dim" lang="en">
                    {reason}
                  </dd>
                </div>
              ))}
            </dl>
          </details>
        </li>
      )}
    </ul>
  );
}
