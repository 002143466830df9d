import { ProgressBar } from "@/shared/components/ProgressBar";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { number } from "@/shared/lib/format";
import { endText, reasonLanguage, reasonText, stageText } from "@/shared/lib/reasons";
import { percent } from "@/shared/lib/state";
import type { Job, StudySummary } from "@/shared/api/types";
import { newestJobs } from "@/features/studies/lib/studyListColumns";

const colors: Record<Job["state"], string> = {
  scheduled: "bg-line-strong",
  in_progress: "bg-accent",
  completed: "bg-good",
  failed: "bg-bad",
  cancelled: "bg-line-strong",
  superseded: "bg-warn",
};

/** How far each pipeline is with the study; those that refused it behind one word, with the reasons. */
export function PipelineStates({ study }: { study: StudySummary }) {
  const { common, states, studyList: t } = useText();
  const titles = usePipelineTitles();
  const words: Record<Job["state"], string> = {
    scheduled: t.queued,
    in_progress: t.running,
    completed: t.done,
    failed: t.failed,
    cancelled: states.job.cancelled,
    superseded: states.job.superseded,
  };
  const jobs = newestJobs(study.jobs);
  return (
    <div className="flex items-baseline gap-3 text-xs whitespace-nowrap">
      {jobs.length > 0 && (
        <ul className="flex min-w-0 items-baseline gap-2.5">
          {jobs.map((job) => (
            <li
              key={job.job_id}
              data-testid="row-pipeline"
              data-state={job.state}
              className="flex min-w-0 items-baseline gap-1.5"
              title={[`${titles.of(job.pipeline)}: ${words[job.state]}`, endText(job)].filter(Boolean).join(". ")}
            >
              <span aria-hidden="true" className={`size-2 shrink-0 rounded-full ${colors[job.state]}`} />
              {/* Several stand as dots alone, each named by its title. */}
              <span className={jobs.length > 1 && job.state !== "in_progress" ? "sr-only" : "truncate"}>
                {titles.of(job.pipeline)}
              </span>
              {job.state === "in_progress" ? (
                <span className="w-16 shrink-0" data-testid="row-progress" title={stageText(job)}>
                  <ProgressBar percent={percent(job)} label={common.progressOf(titles.of(job.pipeline))} />
                </span>
              ) : (
                <span className="sr-only">{words[job.state]}</span>
              )}
            </li>
          ))}
        </ul>
      )}
      {study.refusals.length > 0 && (
        <details className="relative z-10">
          <summary className="min-h-6 rounded leading-6 text-dim hover:text-ink">{t.refusals(number(study.refusals.length))}</summary>
          <dl className="mt-1 space-y-1.5 pb-2 whitespace-normal">
            {study.refusals.map(({ pipeline, reason, reason_parts: parts, series_number }) => (
              <div key={pipeline}>
                <dt className="font-medium">{titles.of(pipeline)}</dt>
                <dd className="text-dim">
                  {study.series_count > 1 && typeof series_number === "number" && `${t.ofSeries(number(series_number))} `}
                  <span lang={reasonLanguage(reason, parts)}>{reasonText(reason, parts)}</span>
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </div>
  );
}
