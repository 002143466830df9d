"use client";

import { useState } from "react";
import { Dictate } from "@/features/report/components/sentences/Dictate";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useLanguage, useText } from "@/shared/hooks/useText";
import { expanded } from "@/features/report/lib/reportText";
import { withDictated } from "@/features/report/lib/dictation";
import type { Report } from "@/shared/api/types";

/** One sentence as it is being written: Enter saves, Escape leaves it, "..word" and Tab put in a phrase. */
export function SentenceField({
  text: before,
  language,
  busy,
  newer,
  onSave,
  onCancel,
}: {
  text: string;
  /** Of the report. */
  language: string;
  busy: boolean;
  /** What the report became while this sentence was being written. */
  newer: Report | null;
  onSave: (text: string) => void;
  onCancel: () => void;
}) {
  const { report: t, common } = useText();
  const own = useLanguage();
  const { chosen } = usePreferences();
  const [text, setText] = useState(before);
  const [cursor, setCursor] = useState(before.length);
  const savable = text.trim() !== "" && text !== before && !busy;
  const save = () => {
    if (savable) onSave(text);
  };
  return (
    <form
      className="space-y-1"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        aria-label={t.table.sentence}
        lang={language}
        autoFocus
        className="w-full rounded-md border border-line-strong bg-ground px-2 py-1.5"
        rows={Math.min(8, Math.ceil(text.length / 45) + 1)}
        value={text}
        onFocus={({ currentTarget }) => currentTarget.setSelectionRange(before.length, before.length)}
        onChange={(event) => setText(event.target.value)}
        onSelect={({ currentTarget }) => setCursor(currentTarget.selectionEnd)}
        onKeyDown={(event) => {
          const area = event.currentTarget;
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            save();
          } else if (event.key === "Escape") {
            // Escape leaves the sentence, not the study: the page listens on the window.
            event.nativeEvent.stopImmediatePropagation();
            event.stopPropagation();
            onCancel();
          } else if (event.key === "Tab" && !event.shiftKey) {
            const put = expanded(area.value, area.selectionStart, chosen.phrases ?? []);
            if (!put) return;
            event.preventDefault();
            setText(put.text);
            requestAnimationFrame(() => area.setSelectionRange(put.cursor, put.cursor));
          }
        }}
      />
      {newer && (
        <p role="status" lang={own} className="text-warn">
          {t.newerCame(newer.version, newer.changed_by || t.node)}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-2" lang={own}>
        <button type="submit" className="control border-accent/60 px-2 py-0.5" disabled={!savable}>
          {newer ? t.saveOver : common.save}
        </button>
        <button type="button" className="control px-2 py-0.5" onClick={onCancel}>
          {common.cancel}
        </button>
        <Dictate
          language={language}
          onText={(dictated) => {
            const next = withDictated(text, cursor, dictated);
            setText(next.text);
            setCursor(next.cursor);
          }}
        />
      </div>
    </form>
  );
}
