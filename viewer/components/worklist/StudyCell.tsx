import Link from "next/link";
import type { ReactNode } from "react";
import { Badge } from "@/components/Badge";
import { reportTones } from "@/components/report/ReportHead";
import { PipelineStates } from "@/components/worklist/PipelineStates";
import { useText } from "@/hooks/useText";
import { ageAt, dateText, dicomTime, moment, number, personName } from "@/lib/format";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import { studyBadge } from "@/lib/state";
import type { StudySummary } from "@/lib/types";
import type { Column } from "@/lib/worklist";

export function StudyCell({
  column,
  study,
  open,
  onTurn,
}: {
  column: Column;
  study: StudySummary;
  open: boolean;
  onTurn: (open: boolean) => void;
}) {
  const { common } = useText();
  const none = <span className="text-dim">{common.none}</span>;
  const cell = (content: ReactNode, wide = "") => <td className={`px-3 py-2.5 ${wide}`}>{content}</td>;
  switch (column) {
    case "patient":
      return cell(<Patient study={study} open={open} onTurn={onTurn} />, "max-w-72");
    case "id":
      return cell(study.patient_id || none);
    case "study_date":
      return cell(
        <>
          {dateText(study.study_date) || <span className="text-dim">{common.unknown}</span>}
          <div className="text-xs text-dim">{dicomTime(study.study_time)}</div>
        </>,
        "whitespace-nowrap",
      );
    case "modality":
      return cell(study.modalities.join(", "));
    case "description":
      return cell(
        <div className="truncate" title={study.study_description}>
          {study.study_description || none}
        </div>,
        "max-w-48",
      );
    case "accession":
      return cell(study.accession_number || none);
    case "contents":
      return cell(
        <>
          {common.instances(number(study.instance_count), study.instance_count === 1)}
          <div className="text-xs text-dim">
            {study.series_count === 1 ? common.oneSeries : common.series(number(study.series_count))}
          </div>
        </>,
        "whitespace-nowrap",
      );
    case "state":
      return cell(<State study={study} />, "min-w-40 max-w-60");
    case "pipelines":
      return cell(<PipelineStates study={study} />, "min-w-36");
    case "delivery":
      return cell(<Delivery study={study} />, "whitespace-nowrap");
    case "report":
      return cell(<ReportState study={study} />, "whitespace-nowrap");
    case "received":
      return cell(moment(study.received_at), "whitespace-nowrap");
  }
}

function Patient({
  study,
  open,
  onTurn,
}: {
  study: StudySummary;
  open: boolean;
  onTurn: (open: boolean) => void;
}) {
  const t = useText().worklist;
  const name = personName(study.patient_name);
  const age = ageAt(study.patient_birth_date, study.study_date);
  return (
    <div className="flex items-start gap-1.5">
      {study.patient_id && (
        <button
          type="button"
          // Above the link, which covers the row; the row itself has → and ← for it.
          className="relative z-10 -ml-1 min-h-6 min-w-6 rounded text-dim hover:bg-line hover:text-ink"
          aria-expanded={open}
          aria-label={t.showPriors(name)}
          title={t.priors}
          onClick={() => onTurn(!open)}
        >
          <span aria-hidden="true">{open ? "▾" : "▸"}</span>
        </button>
      )}
      <div className="min-w-0">
        <Link
          data-study-link
          prefetch={false}
          href={`/study/?study=${study.study_instance_uid}`}
          className="font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-md focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {name}
        </Link>
        <div className="text-xs text-dim">{[study.patient_sex, age].filter(Boolean).join(", ")}</div>
      </div>
    </div>
  );
}

function State({ study }: { study: StudySummary }) {
  const { common, worklist: t } = useText();
  const titles = usePipelineTitles();
  const badge = studyBadge(study.state);
  const names = [...study.jobs.map((job) => job.pipeline), ...study.refusals.map((one) => one.pipeline)];
  return (
    <>
      <div className="flex items-center gap-2">
        <Badge word={badge.word} tone={badge.tone} testId="study-state" />
        {study.open_alerts > 0 && <Badge word={t.critical} tone="bad" testId="critical" />}
        {study.findings_count > 0 && (
          <span className="text-xs whitespace-nowrap text-dim">
            {common.findings(number(study.findings_count), study.findings_count === 1)}
          </span>
        )}
      </div>
      <div className="mt-1 line-clamp-2 text-xs text-dim" lang="en" title={study.state_text}>
        {titles.within(study.state_text, names)}
      </div>
    </>
  );
}

function ReportState({ study }: { study: StudySummary }) {
  const { report: t, worklist } = useText();
  const { report } = study;
  if (!report) return <span className="text-dim">{worklist.noDelivery}</span>;
  return (
    <>
      <Badge word={t.states[report.state]} tone={reportTones[report.state]} testId="row-report" />
      <div className="max-w-40 truncate text-xs text-dim">
        {report.needs_attention ? <span className="text-warn">{worklist.newResults}</span> : report.signed_by}
      </div>
    </>
  );
}

function Delivery({ study }: { study: StudySummary }) {
  const t = useText().worklist;
  const { held, total, failing, destinations } = study.delivery;
  if (total === 0) return <span className="text-dim">{t.noDelivery}</span>;
  return (
    <>
      <span className={held === total ? "text-good" : ""}>{t.held(number(held), number(total))}</span>
      <div className="max-w-44 truncate text-xs text-dim" title={destinations.join(", ")}>
        {failing > 0 ? <span className="text-warn">{t.failing(number(failing))}</span> : destinations.join(", ")}
      </div>
    </>
  );
}
