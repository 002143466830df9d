import Link from "next/link";
import type { ReactNode } from "react";
import { Badge } from "@/shared/components/Badge";
import { reportTones } from "@/features/report/components/ReportHead";
import { PipelineStates } from "@/features/studies/components/PipelineStates";
import { useText } from "@/shared/hooks/useText";
import { ageAt, dateText, dicomTime, moment, number, personName, sexLetter } from "@/shared/lib/format";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { studyStateText } from "@/shared/lib/reasons";
import { studyBadge, urgencyBadge } from "@/shared/lib/state";
import type { StudySummary } from "@/shared/api/types";
import { imageModalities, type Column } from "@/features/studies/lib/studyListColumns";

export function StudyListCell({
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
  const { common, studyList } = useText();
  const none = <span className="text-dim">{common.none}</span>;
  // Of a narrow column, which would cut the words.
  const nothing = <span className="text-dim">{studyList.noDelivery}</span>;
  // One line: what does not fit is cut, and shown in full by its title.
  const cell = (content: ReactNode, wide = "", title = "") => (
    <td className={`h-8 px-1.5 py-0 2xl:px-2.5 whitespace-nowrap ${wide}`}>
      <div className="truncate" title={title || undefined}>
        {content}
      </div>
    </td>
  );
  switch (column) {
    case "urgency": {
      const { word, tone } = urgencyBadge(study.urgency);
      const isPressing = tone !== "quiet" && tone !== "good";
      return cell(
        <span data-testid="urgency" data-urgency={study.urgency}>
          {isPressing ? <Badge word={word} tone={tone} /> : <span className="text-xs text-dim">{word}</span>}
        </span>,
      );
    }
    case "patient":
      return (
        <td className="h-8 max-w-48 px-1.5 py-0 2xl:px-2.5 whitespace-nowrap">
          <Patient study={study} open={open} onTurn={onTurn} />
        </td>
      );
    case "id":
      return cell(study.patient_id || none, "max-w-28", study.patient_id);
    case "study_date":
      return cell(
        <>
          {dateText(study.study_date) || <span className="text-dim">{common.unknown}</span>}
          <span className="ml-2 text-xs text-dim">{dicomTime(study.study_time)}</span>
        </>,
      );
    case "modality":
      return cell(imageModalities(study.modalities).join(", ") || nothing, "max-w-24", study.modalities.join(", "));
    case "description":
      return cell(study.study_description || none, "max-w-28 2xl:max-w-36", study.study_description);
    case "accession":
      return cell(study.accession_number || none, "max-w-36", study.accession_number);
    case "contents":
      return cell(
        <>
          {number(study.instance_count)}
          <span className="ml-2 text-xs text-dim">
            {study.series_count === 1 ? common.oneSeries : common.series(number(study.series_count))}
          </span>
        </>,
        "",
        common.instances(number(study.instance_count), study.instance_count === 1),
      );
    case "state":
      return cell(<State study={study} />);
    case "pipelines":
      return (
        <td className="max-w-28 2xl:max-w-44 px-1.5 py-0 2xl:px-2.5">
          <PipelineStates study={study} />
        </td>
      );
    case "delivery": {
      const { confirmed, total, destinations } = study.delivery;
      const share = studyList.confirmed(number(confirmed), number(total));
      return cell(<Delivery study={study} />, "max-w-40", total === 0 ? "" : `${share}: ${destinations.join(", ")}`);
    }
    case "report":
      return cell(<ReportState study={study} />);
    case "reader":
      return cell(
        study.reader ? (
          <span data-testid="reader" className={study.reader.is_you ? "text-accent" : ""}>
            {study.reader.is_you ? studyList.you : study.reader.name}
          </span>
        ) : (
          nothing
        ),
        "max-w-24",
        study.reader ? `${study.reader.name}, ${moment(study.reader.since)}` : "",
      );
    case "received":
      return cell(moment(study.received_at));
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
  const t = useText().studyList;
  const name = personName(study.patient_name);
  const age = ageAt(study.patient_birth_date, study.study_date);
  return (
    <div className="flex items-center gap-1.5">
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
      <div className="flex min-w-0 items-baseline gap-2">
        <Link
          data-study-link
          prefetch={false}
          href={`/study/?study=${study.study_instance_uid}`}
          title={name}
          className="truncate font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-md focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {name}
        </Link>
        <span className="shrink-0 text-xs text-dim">{[sexLetter(study.patient_sex), age].filter(Boolean).join(", ")}</span>
      </div>
    </div>
  );
}

function State({ study }: { study: StudySummary }) {
  const { common, studyList: t } = useText();
  const titles = usePipelineTitles();
  const badge = studyBadge(study.state);
  const findings = common.findings(number(study.findings_count), study.findings_count === 1);
  const names = [...study.jobs.map((job) => job.pipeline), ...study.refusals.map((one) => one.pipeline)];
  return (
    <span className="flex items-center gap-2">
      <Badge
        word={badge.word}
        tone={badge.tone}
        title={titles.within(studyStateText(study), names)}
        testId="study-state"
      />
      {study.open_alerts > 0 && <Badge word={t.critical} tone="bad" testId="critical" />}
      {study.findings_count > 0 && (
        <span className="text-xs text-dim" title={findings}>
          <span className="max-2xl:sr-only">{findings}</span>
          <span className="2xl:hidden" aria-hidden="true">
            {number(study.findings_count)}
          </span>
        </span>
      )}
    </span>
  );
}

function ReportState({ study }: { study: StudySummary }) {
  const { report: t, studyList } = useText();
  const { report } = study;
  if (!report) return <span className="text-dim">{studyList.noDelivery}</span>;
  return (
    <span className="flex items-center gap-2">
      <Badge word={t.states[report.state]} tone={reportTones[report.state]} testId="row-report" />
      <span className="max-w-20 truncate text-xs text-dim">
        {report.is_superseded ? (
          <span className="text-warn">{studyList.notCurrent}</span>
        ) : report.needs_attention ? (
          <span className="text-warn">{studyList.newResults}</span>
        ) : (
          <span className="max-2xl:sr-only">{report.signed_by}</span>
        )}
      </span>
    </span>
  );
}

function Delivery({ study }: { study: StudySummary }) {
  const t = useText().studyList;
  const { confirmed, total, failing, awaiting_release, destinations } = study.delivery;
  if (total === 0) return <span className="text-dim">{t.noDelivery}</span>;
  if (awaiting_release > 0) {
    return <span className="text-warn">{t.awaitRelease(number(awaiting_release), awaiting_release === 1)}</span>;
  }
  const share = t.confirmed(number(confirmed), number(total));
  // What has gone wrong comes first: the end of the line is cut.
  return failing > 0 ? (
    <>
      <span className="text-warn">{t.failing(number(failing))}</span>
      <span className="ml-2 text-xs text-dim">{share}</span>
    </>
  ) : (
    <>
      <span className={confirmed === total ? "text-good" : ""}>{share}</span>
      <span className="ml-2 text-xs text-dim">{destinations.join(", ")}</span>
    </>
  );
}
