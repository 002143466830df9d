import { Badge } from "@/shared/components/Badge";
import { ProgressBar } from "@/shared/components/ProgressBar";
import { JobActions } from "@/features/reader/components/jobs/JobActions";
import { RunPipeline } from "@/features/reader/components/jobs/RunPipeline";
import { Section } from "@/features/reader/components/Section";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { fixed, moment } from "@/shared/lib/format";
import { endText, stageText, studyStateText } from "@/shared/lib/reasons";
import { jobBadge, percent } from "@/shared/lib/state";
import type { Job, StudyDetail } from "@/shared/api/types";

export function Jobs({ study, onChanged }: { study: StudyDetail; onChanged: () => void }) {
  const { reader: t } = useText();
  return (
    <Section title={t.analysis}>
      {study.jobs.length === 0 && <p className="text-dim">{studyStateText(study)}</p>}
      <ul className="space-y-3" aria-live="polite">
        {study.jobs.map((job) => (
          <JobItem key={job.job_id} job={job} onChanged={onChanged} />
        ))}
      </ul>
      <RunPipeline study={study} onChanged={onChanged} />
    </Section>
  );
}

function JobItem({ job, onChanged }: { job: Job; onChanged: () => void }) {
  const titles = usePipelineTitles();
  const { reader: t, common } = useText();
  const badge = jobBadge(job.state);
  return (
    <li data-testid="job" data-job-id={job.job_id}>
      <div className="flex items-baseline justify-between gap-3">
        <span className="font-medium">
          {titles.of(job.pipeline)}{" "}
          <span className="text-xs font-normal text-dim">{job.pipeline_version}</span>
        </span>
        <span data-testid="job-state" data-state={job.state}>
          <Badge word={badge.word} tone={badge.tone} />
        </span>
      </div>
      {job.state === "in_progress" && (
        <div className="mt-1.5">
          <ProgressBar percent={percent(job)} label={common.progressOf(titles.of(job.pipeline))} />
          <p className="mt-1 text-xs text-dim">
            {stageText(job)} {percent(job)} %
          </p>
        </div>
      )}
      {job.state === "scheduled" && <p className="mt-1 text-xs text-dim">{t.waits}</p>}
      {job.state === "completed" && (
        <p className="mt-1 text-xs text-dim">{finishedText(job, t.finished)}</p>
      )}
      {job.state === "failed" && <p className="mt-1 text-bad">{endText(job) || t.noReason}</p>}
      {job.state === "cancelled" && <p className="mt-1 text-dim">{endText(job) || t.noReason}</p>}
      {job.state === "superseded" && <p className="mt-1 text-warn">{t.superseded}</p>}
      <JobActions job={job} title={titles.of(job.pipeline)} onChanged={onChanged} />
    </li>
  );
}

function finishedText(
  job: Job,
  words: (when: string, took: string, attempts: number) => string,
): string {
  const seconds =
    job.started_at && job.finished_at
      ? (new Date(job.finished_at).getTime() - new Date(job.started_at).getTime()) / 1000
      : null;
  const took = seconds !== null && seconds >= 0 ? fixed(seconds, seconds < 10 ? 1 : 0) : "";
  return words(moment(job.finished_at), took, job.attempts);
}
