import Link from "next/link";
import { Badge } from "@/components/Badge";
import { ProgressBar } from "@/components/ProgressBar";
import { ageAt, count, dicomDate, dicomTime, personName } from "@/lib/format";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import { activeJob, percent, studyBadge } from "@/lib/state";
import type { StudySummary } from "@/lib/types";

const columns = ["Patient", "ID", "Study date", "Modality", "Description", "Contents", "State"];

export function StudyTable({ studies }: { studies: readonly StudySummary[] }) {
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-panel">
      <table className="w-full min-w-[60rem] border-collapse text-left">
        <thead>
          <tr className="border-b border-line text-xs text-dim">
            {columns.map((column) => (
              <th key={column} scope="col" className="px-4 py-2 font-medium">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {studies.map((study) => (
            <StudyRow key={study.study_instance_uid} study={study} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StudyRow({ study }: { study: StudySummary }) {
  const badge = studyBadge(study.state);
  const running = activeJob(study.jobs);
  const titles = usePipelineTitles();
  const modalities = study.modalities.join(", ");
  const age = ageAt(study.patient_birth_date, study.study_date);
  return (
    <tr
      id={study.study_instance_uid}
      data-testid="study-row"
      data-study-instance-uid={study.study_instance_uid}
      data-state={study.state}
      className="relative border-b border-line align-top last:border-b-0 focus-within:bg-raised hover:bg-raised/60"
    >
      <td className="px-4 py-3">
        <Link
          data-study-link
          prefetch={false}
          href={`/study/?study=${study.study_instance_uid}`}
          className="font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-md focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {personName(study.patient_name)}
        </Link>
        <div className="text-xs text-dim">
          {[study.patient_sex, age].filter(Boolean).join(", ")}
        </div>
      </td>
      <td className="px-4 py-3">{study.patient_id || <span className="text-dim">none</span>}</td>
      <td className="px-4 py-3 whitespace-nowrap">
        {dicomDate(study.study_date) || <span className="text-dim">unknown</span>}
        <div className="text-xs text-dim">{dicomTime(study.study_time)}</div>
      </td>
      <td className="px-4 py-3">{modalities}</td>
      <td className="max-w-80 px-4 py-3">
        <div className="truncate" title={study.study_description}>
          {study.study_description || <span className="text-dim">none</span>}
        </div>
      </td>
      <td className="px-4 py-3 whitespace-nowrap">
        {count(study.instance_count, "instance")}
        <div className="text-xs text-dim">{count(study.series_count, "series", "series")}</div>
      </td>
      <td className="w-80 px-4 py-3">
        <div className="flex items-center gap-2">
          <Badge word={badge.word} tone={badge.tone} testId="study-state" />
          {study.findings_count > 0 && (
            <span className="text-xs text-dim">{count(study.findings_count, "finding")}</span>
          )}
        </div>
        {running && running.state === "IN PROGRESS" ? (
          <div className="mt-2" data-testid="row-progress">
            <ProgressBar percent={percent(running)} label={`${titles.of(running.pipeline)} progress`} />
            <div className="mt-1 text-xs text-dim">
              {running.stage_text || running.stage} {percent(running)} %
            </div>
          </div>
        ) : (
          <div className="mt-1 text-xs text-dim">{titles.within(study.state_text, study.jobs.map((job) => job.pipeline))}</div>
        )}
      </td>
    </tr>
  );
}
