"use client";

import { useEffect, useRef, useState } from "react";
import { AddSentence } from "@/features/report/components/sentences/AddSentence";
import { Evidence } from "@/features/report/components/Evidence";
import { SentenceField } from "@/features/report/components/sentences/SentenceField";
import { SentenceRow } from "@/features/report/components/sentences/SentenceRow";
import { useLanguage, useText } from "@/shared/hooks/useText";
import { restsOn, type Insertable, type NewSentence } from "@/features/report/lib/reportText";
import { findingSentence, inserted, removed, reworded, type Spot } from "@/features/report/lib/sentenceTable";
import { findingDragType, measurementDragType } from "@/shared/lib/dragTypes";
import type { Finding, Report, ReportSentence, SentSection } from "@/shared/api/types";

/** A glance is no wish to be taken elsewhere. */
const restMs = 350;

/**
 * The report sentence by sentence, each with what it rests on, here and in the image. What is not
 * signed is accepted, reworded, removed and added to in its lines.
 */
export function SentenceTable({
  report,
  findings,
  measurements,
  isOpen,
  busy,
  onShow,
  onChange,
  onAccept,
  onUndo,
}: {
  report: Report;
  findings: readonly Finding[];
  /** What can be put in at a place. */
  measurements: readonly Insertable[];
  /** Whether the text can still be changed without an amendment. */
  isOpen: boolean;
  busy: boolean;
  onShow: (finding: Finding) => void;
  /** The whole text, made on a version of the report; true once the node has taken it. */
  onChange: (base: Report, sections: SentSection[]) => Promise<boolean>;
  onAccept: (findings: readonly Finding[]) => void;
  /** Takes back the last change of a sentence; none where there is none. */
  onUndo?: () => void;
}) {
  const { report: t } = useText();
  const language = useLanguage();
  const [looked, setLooked] = useState<ReportSentence | null>(null);
  // A sentence is reworded in the text in which it was begun; a newer one must not take it away.
  const [writing, setWriting] = useState<{ base: Report; spot: Spot; isNew: boolean } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const shown = writing?.base ?? report;
  const show = (sentence: ReportSentence) => {
    const ids = restsOn(sentence);
    const finding = findings.find((one) => ids.includes(one.finding_id) && one.segmentation);
    if (finding) onShow(finding);
  };
  const look = (sentence: ReportSentence) => {
    setLooked(sentence);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => show(sentence), restMs);
  };
  const put = (spot: Spot, one: NewSentence) => void onChange(report, inserted(report, spot, one));
  const drop = (spot: Spot, data: DataTransfer) => {
    const finding = findings.find((one) => one.finding_id === data.getData(findingDragType));
    const measurement = measurements.find((one) => one.key === data.getData(measurementDragType));
    if (finding) put(spot, findingSentence(finding, report.language));
    else if (measurement) put(spot, measurement.sentence(report.language));
  };
  const save = async (text: string) => {
    if (!writing) return;
    const { base, spot, isNew } = writing;
    const sections = isNew ? inserted(base, spot, { text, finding_ids: [] }) : reworded(base, spot, text);
    if (await onChange(report.version > base.version ? report : base, sections)) setWriting(null);
  };
  const isAt = (spot: Spot, isNew: boolean) =>
    writing?.isNew === isNew && writing.spot.section === spot.section && writing.spot.sentence === spot.sentence;
  const field = (text: string) => (
    <SentenceField
      text={text}
      language={report.language}
      busy={busy}
      newer={writing && report.version > writing.base.version ? report : null}
      onSave={(next) => void save(next)}
      onCancel={() => setWriting(null)}
    />
  );
  const canChange = isOpen && !writing && !busy;
  return (
    <div
      data-testid="report"
      className="@container space-y-4"
      onKeyDown={(event) => {
        const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
        if (!isUndo || !onUndo || writing || busy) return;
        // Here it is the text's, beside it the drawings': the page listens on the window.
        event.preventDefault();
        event.nativeEvent.stopImmediatePropagation();
        event.stopPropagation();
        onUndo();
      }}
    >
      {shown.sections.map((section, number) => {
        const isNote = section.kind === "note";
        const end = { section: number, sentence: section.sentences.length };
        return (
          <section key={`${section.heading}${number}`} aria-label={section.heading}>
            <h3 lang={report.language || "en"} className={`font-medium ${isNote ? "text-warn" : ""}`}>
              {section.heading}
            </h3>
            <table role="table" aria-label={section.heading} lang={language} className="mt-1 w-full">
              <thead className="sr-only">
                <tr>
                  <th scope="col">{t.table.sentence}</th>
                  <th scope="col">{t.table.evidence}</th>
                  {isOpen && <th scope="col">{t.table.actions}</th>}
                </tr>
              </thead>
              <tbody role="rowgroup">
                {section.sentences.map((sentence, place) => {
                  const spot = { section: number, sentence: place };
                  return (
                    <SentenceRow
                      key={`${place}${sentence.text}`}
                      sentence={sentence}
                      findings={findings}
                      language={report.language || "en"}
                      isNote={isNote}
                      isLooked={looked === sentence}
                      isOpen={isOpen}
                      canChange={canChange}
                      field={isAt(spot, false) ? field(sentence.text) : null}
                      onLook={() => look(sentence)}
                      onLeave={() => clearTimeout(timer.current)}
                      onShow={() => show(sentence)}
                      onAccept={onAccept}
                      onReword={() => setWriting({ base: report, spot, isNew: false })}
                      onRemove={() => void onChange(report, removed(report, spot))}
                      onDrop={(after, data) => drop({ ...spot, sentence: place + (after ? 1 : 0) }, data)}
                    />
                  );
                })}
              </tbody>
            </table>
            {isAt(end, true) && field("")}
            {isOpen && !isNote && (
              <AddSentence
                heading={section.heading}
                measurements={measurements}
                language={report.language}
                canChange={canChange}
                onWrite={() => setWriting({ base: report, spot: end, isNew: true })}
                onPut={(one) => put(end, one)}
                onDrop={(data) => drop(end, data)}
              />
            )}
          </section>
        );
      })}
      <Evidence sentence={looked} findings={findings} />
    </div>
  );
}
