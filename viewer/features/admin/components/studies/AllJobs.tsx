"use client";

import { useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { PatientOf } from "@/features/admin/components/rowCells";
import { PagedGrid, Select, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { ProgressBar } from "@/shared/components/ProgressBar";
import { JobActions } from "@/features/reader/components/jobs/JobActions";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import { endText, languageOf } from "@/shared/lib/reasons";
import { isActive, jobBadge, jobStates, percent } from "@/shared/lib/state";
import type { Job, JobState } from "@/shared/api/types";
import { allJobs } from "@/features/admin/lib/jobsApi";

const choices: readonly (JobState | "")[] = ["", ...jobStates];

/** Every job of the node, of studies and of single pictures. */
export function AllJobs() {
  const { admin: t, jobs, storedStudies, common, states } = useText();
  const [state, setState] = useState<JobState | "">("");
  const pages = usePages((limit, offset, signal) => allJobs.list(state || undefined, limit, offset, signal), state);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{jobs.jobsWhat}</p>
      <div className="mb-3 w-48">
        <Select
          label={t.which}
          of={choices}
          value={state}
          words={(one) => (one ? states.job[one] : t.all)}
          onChoose={setState}
        />
      </div>
      <PagedGrid
        pages={pages}
        label={t.parts.jobs}
        columns={[t.pipeline, storedStudies.of, t.stateWord, jobs.why, common.actions]}
        empty={t.nothing}
        row={(one) => <JobRow key={one.job_id} job={one} onChanged={pages.fetched.reload} />}
      />
    </>
  );
}

function JobRow({ job, onChanged }: { job: Job; onChanged: () => void }) {
  const { jobs, common } = useText();
  const title = usePipelineTitles().of(job.pipeline);
  const badge = jobBadge(job.state);
  const ownWords = job.reason || (isActive(job) ? job.stage_text : "");
  const why = endText(job) || ownWords;
  return (
    <tr data-testid="admin-job" data-job-id={job.job_id} data-state={job.state}>
      <td>
        {title} <span className="text-xs text-dim">{job.pipeline_version}</span>
        <div className="text-xs text-dim">{moment(job.created_at)}</div>
      </td>
      <td className="text-xs">
        {job.study_instance_uid ? (
          <PatientOf
            patientName={job.patient_name}
            patientId={job.patient_id}
            studyInstanceUid={job.study_instance_uid}
          />
        ) : (
          jobs.picture
        )}
      </td>
      <td>
        <Badge word={badge.word} tone={badge.tone} />
        {job.state === "in_progress" && (
          <div className="mt-1 w-28">
            <ProgressBar percent={percent(job)} label={common.progressOf(title)} />
          </div>
        )}
      </td>
      <td className="max-w-96 text-xs" lang={languageOf(why, ownWords)}>
        {why}
      </td>
      <td>
        <JobActions job={job} title={title} onChanged={onChanged} />
        {!job.study_instance_uid && <Picture job={job} title={title} onChanged={onChanged} />}
      </td>
    </tr>
  );
}

/** A single picture belongs to no study: what was seen in it stands here, and here it is deleted. */
function Picture({ job, title, onChanged }: { job: Job; title: string; onChanged: () => void }) {
  const { jobs } = useText();
  const action = useAction(onChanged);
  return (
    <>
      <div className="mt-1 flex flex-wrap gap-1.5">
        {job.has_label_picture && (
          <a className="control px-2 py-0.5 text-xs" href={allJobs.labelPictureUrl(job.job_id)} download={`labels-${job.job_id}.png`}>
            {jobs.labels}
          </a>
        )}
        {!isActive(job) && (
          <SureButton
            word={jobs.deletePicture}
            label={`${jobs.deletePicture}: ${title}, ${moment(job.created_at)}`}
            busy={action.busy}
            onSure={() => void action.run(() => allJobs.removePicture(job.job_id))}
          />
        )}
      </div>
      {action.problem && <ProblemNote problem={action.problem} />}
    </>
  );
}
