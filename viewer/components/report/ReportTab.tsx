"use client";

import { useState } from "react";
import { ProblemNote } from "@/components/ProblemNote";
import { Ask } from "@/components/report/Ask";
import { Attention } from "@/components/report/Attention";
import { Earlier } from "@/components/report/Earlier";
import { ReportEditor } from "@/components/report/ReportEditor";
import { ReportHead } from "@/components/report/ReportHead";
import { ReportText } from "@/components/report/ReportText";
import { Similar } from "@/components/report/Similar";
import { Versions } from "@/components/report/Versions";
import { Words } from "@/components/report/Words";
import { useOrder } from "@/hooks/useOrder";
import { useLanguage, useText } from "@/hooks/useText";
import { reports } from "@/lib/reportApi";
import type { Finding, Report, StudyDetail } from "@/lib/types";

/** The report of the study: drafted by the node, edited and signed by people. */
export function ReportTab({
  study,
  priors,
  findings,
  onShow,
  onChanged,
}: {
  study: StudyDetail;
  priors: readonly StudyDetail[];
  findings: readonly Finding[];
  onShow: (finding: Finding) => void;
  onChanged: () => void;
}) {
  const { report: t } = useText();
  const language = useLanguage();
  const order = useOrder(onChanged);
  // What an order answered is newer than what the page has read until it reads again.
  const [answered, setAnswered] = useState<Report | null>(null);
  // A text is written on the version at which it was begun; a newer one must not take it away.
  const [editing, setEditing] = useState<{ amends: boolean; base: Report } | null>(null);
  const known = study.reports.at(-1) ?? null;
  const report =
    answered && (!known || answered.report_id !== known.report_id || answered.version >= known.version)
      ? answered
      : known;
  const give = async (run: () => Promise<Report>) => {
    const taken = await order.give(async () => setAnswered(await run()));
    if (taken) setEditing(null);
  };
  const ask = <Ask study={study} findings={findings} onShow={onShow} />;
  if (!report) {
    return (
      <div className="p-4">
        <p className="mb-2 text-dim">{t.none}</p>
        <button
          type="button"
          className="control"
          disabled={order.busy}
          onClick={() => void give(() => reports.draft(study.study_instance_uid, language))}
        >
          {t.draft}
        </button>
        {order.problem && <ProblemNote problem={order.problem} />}
        <div className="mt-4 flex flex-col gap-3">
          <Earlier priors={priors} />
          {ask}
        </div>
      </div>
    );
  }
  const signed = report.state === "final" || report.state === "amended";
  return (
    <div className="flex flex-col gap-3 p-4" data-testid="report-panel" data-state={report.state}>
      <ReportHead report={report} />
      {report.attention && (
        <Attention
          attention={report.attention}
          signed={signed}
          busy={order.busy}
          onTake={() => void give(() => reports.draft(study.study_instance_uid, report.language, true))}
          onLeave={() => void give(() => reports.dismiss(report))}
        />
      )}
      {editing ? (
        <ReportEditor
          report={editing.base}
          amends={editing.amends}
          busy={order.busy}
          newer={report.version > editing.base.version ? report : null}
          onSave={(sections, reason, over) =>
            void give(() =>
              editing.amends
                ? reports.move(over ?? editing.base, "amended", { reason, sections })
                : reports.edit(over ?? editing.base, sections),
            )
          }
          onCancel={() => setEditing(null)}
        />
      ) : (
        <ReportText report={report} findings={findings} onShow={onShow} />
      )}
      {report.words && !editing && <Words words={report.words} />}
      {order.problem && <ProblemNote problem={order.problem} />}
      {!editing && (
        <div className="flex flex-wrap gap-2" role="group" aria-label={t.actions}>
          {!signed && (
            <button type="button" className="control" onClick={() => setEditing({ amends: false, base: report })}>
              {t.edit}
            </button>
          )}
          {report.next_states.map((next) => (
            <button
              key={next}
              type="button"
              className={`control ${next === "final" ? "border-good/60 text-good" : ""}`}
              disabled={order.busy}
              onClick={() =>
                next === "amended"
                  ? setEditing({ amends: true, base: report })
                  : void give(() => reports.move(report, next))
              }
            >
              {t.moves[next]}
            </button>
          ))}
        </div>
      )}
      <Versions report={report} />
      <Earlier priors={priors} />
      <Similar report={report} />
      {ask}
    </div>
  );
}
