"use client";

import { type KeyboardEvent, useRef, useState } from "react";
import { Dictate } from "@/features/report/components/sentences/Dictate";
import { OpenFields } from "@/features/report/components/OpenFields";
import { Phrases } from "@/features/report/components/Phrases";
import { Templates } from "@/features/report/components/Templates";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { usePageLeave } from "@/shared/hooks/usePageLeave";
import { useText } from "@/shared/hooks/useText";
import { withDictated } from "@/features/report/lib/dictation";
import { expanded, isChanged, toEdit, toSend, withInsertions, type EditedSection, type Insertion } from "@/features/report/lib/reportText";
import { filledIn, openFields, withTemplate, type Wanted } from "@/features/report/lib/templates";
import type { Report, SentSection } from "@/shared/api/types";

/** The whole text, one sentence a line; "..word" and Tab put in a phrase, Ctrl and Enter save. */
export function ReportEditor({
  report,
  wanted,
  amends,
  busy,
  newer,
  insertions,
  onSave,
  onCancel,
}: {
  report: Report;
  /** Which templates are offered. */
  wanted: Wanted;
  /** A signed report is changed with a reason. */
  amends: boolean;
  busy: boolean;
  /** What the report became while this text was being written. */
  newer: Report | null;
  /** Sentences that were put in from beside the report since it was begun, the newest last. */
  insertions: readonly Insertion[];
  onSave: (sections: SentSection[], reason: string, over: Report | null) => void;
  onCancel: () => void;
}) {
  const { report: t, common } = useText();
  const { chosen } = usePreferences();
  const [edited, setEdited] = useState(() => toEdit(report));
  const [reason, setReason] = useState("");
  const [selected, setSelected] = useState("");
  const [inserted, setInserted] = useState(0);
  if (insertions.length > inserted) {
    setInserted(insertions.length);
    setEdited((now) => withInsertions(now, insertions.slice(inserted), report.language));
  }
  const change = (number: number, text: string) =>
    setEdited((now) => now.map((one, place) => (place === number ? { ...one, text } : one)));
  const isUnsaved = isChanged(report, edited);
  usePageLeave(isUnsaved);
  const savable = isUnsaved && (!amends || reason.trim() !== "");
  const save = () => {
    if (savable && !busy) onSave(toSend(report, edited), reason.trim(), newer);
  };
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>, number: number) => {
    const area = event.currentTarget;
    if (event.key === "Tab" && !event.shiftKey) {
      const put = expanded(area.value, area.selectionStart, chosen.phrases ?? []);
      // Without a phrase Tab goes on to the next field, as everywhere.
      if (!put) return;
      event.preventDefault();
      change(number, put.text);
      requestAnimationFrame(() => area.setSelectionRange(put.cursor, put.cursor));
    }
  };
  return (
    <form
      aria-label={t.editing}
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          save();
        }
        if (event.key === "Escape") {
          // Escape leaves the text, not the study: the page listens on the window.
          event.nativeEvent.stopImmediatePropagation();
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      <Templates wanted={wanted} onInsert={(template) => setEdited((now) => withTemplate(now, template))} />
      {edited.map((section, number) => (
        <SectionField
          key={`${section.heading}${number}`}
          section={section}
          language={report.language}
          first={number === 0}
          onText={(text) => change(number, text)}
          onKey={(event) => onKey(event, number)}
          onSelected={setSelected}
        />
      ))}
      <p className="text-xs text-dim">{t.editHint}</p>
      <OpenFields
        fields={openFields(edited)}
        onFill={(field, value) => setEdited((now) => filledIn(now, field, value))}
      />
      <Phrases selected={selected} />
      {amends && (
        <label className="block text-xs text-dim">
          {t.reason}
          <input
            className="mt-0.5 w-full rounded-md border border-line-strong bg-ground px-2 py-1.5 text-ink"
            required
            maxLength={2000}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
      )}
      {newer && (
        <p role="status" className="text-warn">
          {t.newerCame(newer.version, newer.changed_by || t.node)}
        </p>
      )}
      <div className="flex gap-2">
        <button type="submit" className="control border-accent/60" disabled={!savable || busy}>
          {amends ? t.amendButton : newer ? t.saveOver : common.save}
        </button>
        <button type="button" className="control" onClick={onCancel}>
          {common.cancel}
        </button>
      </div>
    </form>
  );
}

function SectionField({
  section,
  language,
  first,
  onText,
  onKey,
  onSelected,
}: {
  section: EditedSection;
  language: string;
  first: boolean;
  onText: (text: string) => void;
  onKey: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
  onSelected: (text: string) => void;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const dictated = (words: string) => {
    const put = withDictated(section.text, area.current?.selectionEnd ?? section.text.length, words);
    onText(put.text);
    requestAnimationFrame(() => area.current?.setSelectionRange(put.cursor, put.cursor));
  };
  return (
    <div>
    <label className="block">
      <span className="font-medium">{section.heading}</span>
      <textarea
        ref={area}
        lang={language}
        autoFocus={first}
        className="mt-1 w-full rounded-md border border-line-strong bg-ground px-2 py-1.5"
        rows={Math.min(14, section.text.split("\n").length + Math.ceil(section.text.length / 60) + 1)}
        value={section.text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKey}
        onSelect={({ currentTarget: { value, selectionStart, selectionEnd } }) =>
          onSelected(value.slice(selectionStart, selectionEnd).trim())
        }
      />
    </label>
    <div className="flex flex-wrap items-center gap-2">
      <Dictate language={language} onText={dictated} />
    </div>
    </div>
  );
}
