"use client";

import { useRef, useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { AskQuestion } from "@/features/report/components/AskQuestion";
import { Attention } from "@/features/report/components/Attention";
import { EarlierReports } from "@/features/report/components/EarlierReports";
import { ReadBy } from "@/features/report/components/ReadBy";
import { ReportEditor } from "@/features/report/components/ReportEditor";
import { ReportFooter } from "@/features/report/components/ReportFooter";
import { ReportHead } from "@/features/report/components/ReportHead";
import { SentenceTable } from "@/features/report/components/sentences/SentenceTable";
import { SignDialog } from "@/features/report/components/SignDialog";
import { SimilarReports } from "@/features/report/components/SimilarReports";
import { Versions } from "@/features/report/components/Versions";
import { ModelWords } from "@/features/report/components/ModelWords";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { useAction } from "@/shared/hooks/useAction";
import { useLanguage, useText } from "@/shared/hooks/useText";
import { nodeLanguages, type Language } from "@/shared/i18n/language";
import { reports } from "@/features/report/lib/reportApi";
import { newest, type Insertable, type Insertion } from "@/features/report/lib/reportText";
import { wantedOf } from "@/features/report/lib/templates";
import { asSent } from "@/features/report/lib/sentenceTable";
import { giveFeedback } from "@/shared/api/api";
import { moment } from "@/shared/lib/format";
import type { Finding, Report, SentSection, StudyDetail } from "@/shared/api/types";

/** The node writes in some of the pages' languages; in others as the site has it. */
function draftLanguage(language: Language): string {
  return nodeLanguages.find((known) => known === language) ?? "";
}

/** The report of the study: drafted by the node, edited and signed by people. */
export function ReportTab({
  study,
  priors,
  findings,
  insertions,
  measurements,
  onShow,
  onChanged,
}: {
  study: StudyDetail;
  priors: readonly StudyDetail[];
  findings: readonly Finding[];
  /** What was put into the report from beside it, the newest last. */
  insertions: readonly Insertion[];
  /** What was measured, to be put in at a place. */
  measurements: readonly Insertable[];
  onShow: (finding: Finding) => void;
  onChanged: () => void;
}) {
  const { report: t } = useText();
  const language = useLanguage();
  const action = useAction(onChanged);
  // What an action answered is newer than what the page has read until it reads again.
  const [answered, setAnswered] = useState<Report | null>(null);
  // A text is written on the version at which it was begun; a newer one must not take it away.
  const [editing, setEditing] = useState<{ amends: boolean; base: Report; insertedFrom: number } | null>(null);
  const [signing, setSigning] = useState<(() => Promise<Report>) | null>(null);
  const [inserted, setInserted] = useState(0);
  // Texts before changes of single sentences; the last version is of ours, else nothing is to be taken back.
  const [past, setPast] = useState<{ texts: SentSection[][]; version: number }>({ texts: [], version: 0 });
  const known = study.reports.at(-1) ?? null;
  const report = newest(known, answered);
  const submit = async (run: () => Promise<Report>) => {
    const taken = await action.run(async () => setAnswered(await run()));
    if (taken) setEditing(null);
    return taken;
  };
  const change = async (base: Report, sections: SentSection[], texts: SentSection[][]) => {
    const taken = await submit(async () => {
      const next = await reports.edit(base, sections);
      setPast({ texts, version: next.version });
      return next;
    });
    return taken;
  };
  const accept = (accepted: readonly Finding[]) =>
    void action.run(async () => {
      for (const { finding_id: id } of accepted) await giveFeedback(id, { kind: "ACCEPTED", label: "", reason: "" });
    });
  const edit = (base: Report, insertedFrom = insertions.length) =>
    setEditing({ amends: base.state === "final" || base.state === "amended", base, insertedFrom });
  if (insertions.length > inserted && report) {
    // What is put in is edited before it is saved, and waits for a report where there is none.
    setInserted(insertions.length);
    if (!editing) edit(report, inserted);
  }
  const sign = () => report && setSigning(() => () => reports.move(report, "final"));
  const maySign = !editing && !signing && !action.busy && report?.next_states.includes("final");
  const panel = useRef<HTMLDivElement>(null);
  useHotkeys({ "Ctrl+Shift+enter": () => maySign && panel.current?.offsetParent && sign() });
  const ask = <AskQuestion study={study} findings={findings} onShow={onShow} />;
  if (!report) {
    return (
      <div className="p-4">
        <ReadBy study={study} onChanged={onChanged} />
        <p className="mb-2 text-dim">{t.none}</p>
        {insertions.length > inserted && (
          <p role="status" className="mb-2" data-testid="sentences-waiting">
            {t.waiting(insertions.length - inserted)}
          </p>
        )}
        <button
          type="button"
          className="control"
          disabled={action.busy}
          // What was put in opens the editor as soon as the draft is there, so that nothing ends it here.
          onClick={() => void action.run(async () => setAnswered(await reports.draft(study.study_instance_uid, draftLanguage(language))))}
        >
          {t.draft}
        </button>
        {action.problem && <ProblemNote problem={action.problem} />}
        <div className="mt-4 flex flex-col gap-3">
          <EarlierReports priors={priors} />
          {ask}
        </div>
      </div>
    );
  }
  const signed = report.state === "final" || report.state === "amended";
  const undoable = !signed && past.version === report.version ? past.texts : [];
  const before = undoable.at(-1);
  const undo = before ? () => void change(report, before, undoable.slice(0, -1)) : undefined;
  return (
    <div ref={panel} className="flex min-h-full flex-col" data-testid="report-panel" data-state={report.state}>
      <div className="flex flex-col gap-3 p-4">
        <ReadBy study={study} onChanged={onChanged} />
        <ReportHead report={report} />
        {report.superseded_at && (
          <p role="status" data-testid="superseded" className="font-medium text-warn">
            {t.superseded(moment(report.superseded_at), signed)}
          </p>
        )}
        {report.attention && (
          <Attention
            attention={report.attention}
            signed={signed}
            busy={action.busy}
            onTake={() => void submit(() => reports.draft(study.study_instance_uid, report.language, true))}
            onLeave={() => void submit(() => reports.dismiss(report))}
          />
        )}
        {editing ? (
          <ReportEditor
            report={editing.base}
            wanted={wantedOf(study, editing.base.language)}
            amends={editing.amends}
            busy={action.busy}
            newer={report.version > editing.base.version ? report : null}
            insertions={insertions.slice(editing.insertedFrom)}
            onSave={(sections, reason, over) => {
              const base = over ?? editing.base;
              if (editing.amends) setSigning(() => () => reports.move(base, "amended", { reason, sections }));
              else void submit(() => reports.edit(base, sections));
            }}
            onCancel={() => setEditing(null)}
          />
        ) : (
          <SentenceTable
            report={report}
            findings={findings}
            measurements={measurements}
            isOpen={!signed}
            busy={action.busy}
            onShow={onShow}
            onChange={(base, sections) => change(base, sections, [...undoable, asSent(base)])}
            onAccept={accept}
            onUndo={undo}
          />
        )}
        {report.words && !editing && <ModelWords words={report.words} />}
        {action.problem && editing && <ProblemNote problem={action.problem} />}
        <Versions report={report} />
        <EarlierReports priors={priors} />
        <SimilarReports report={report} />
        {ask}
      </div>
      {!editing && (
        <ReportFooter
          report={report}
          action={action}
          onEdit={() => edit(report)}
          onUndo={undo}
          onMove={(next) => {
            if (next === "amended") edit(report);
            else if (next === "final") sign();
            else void submit(() => reports.move(report, next));
          }}
        />
      )}
      {signing && (
        <SignDialog
          report={report}
          study={study}
          findings={findings}
          busy={action.busy}
          onSign={() => {
            // The node may want to know who signs: its question takes the place of this one.
            setSigning(null);
            void submit(signing);
          }}
          onClose={() => setSigning(null)}
        />
      )}
    </div>
  );
}
