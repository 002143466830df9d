"use client";

import { type DragEvent, type ReactNode, useState } from "react";
import { SentenceEvidence } from "@/features/report/components/sentences/SentenceEvidence";
import { useText } from "@/shared/hooks/useText";
import { isForReport } from "@/shared/lib/dragTypes";
import { acceptable } from "@/features/report/lib/sentenceTable";
import { restsOn } from "@/features/report/lib/reportText";
import type { Finding, ReportSentence } from "@/shared/api/types";

/** A sentence, what it rests on, and what can be done with it. A finding or a measurement may be dropped on it. */
export function SentenceRow({
  sentence,
  findings,
  language,
  isNote,
  isLooked,
  isOpen,
  canChange,
  field,
  onLook,
  onLeave,
  onShow,
  onAccept,
  onReword,
  onRemove,
  onDrop,
}: {
  sentence: ReportSentence;
  findings: readonly Finding[];
  /** Of the text. */
  language: string;
  isNote: boolean;
  isLooked: boolean;
  isOpen: boolean;
  canChange: boolean;
  /** In which the sentence is being reworded. */
  field: ReactNode;
  onLook: () => void;
  onLeave: () => void;
  onShow: () => void;
  onAccept: (findings: readonly Finding[]) => void;
  onReword: () => void;
  onRemove: () => void;
  onDrop: (after: boolean, data: DataTransfer) => void;
}) {
  const { report: t } = useText();
  const [over, setOver] = useState<"before" | "after" | null>(null);
  const open = acceptable(sentence, findings);
  const half = (event: DragEvent<HTMLElement>) => {
    const { top, height } = event.currentTarget.getBoundingClientRect();
    return event.clientY > top + height / 2 ? "after" : "before";
  };
  const edge = over === "before" ? "border-t-accent" : over === "after" ? "border-b-accent" : "";
  const act = (sign: string, name: string, testId: string, run: () => void, look = "") => (
    <button
      type="button"
      data-testid={testId}
      aria-label={name}
      title={name}
      disabled={!canChange}
      className={`min-h-6 min-w-6 rounded px-1 hover:bg-line ${look || "text-dim hover:text-ink"}`}
      onClick={run}
    >
      <span aria-hidden="true">{sign}</span>
    </button>
  );
  return (
    <tr
      role="row"
      data-testid="sentence-row"
      className={`grid grid-cols-[1fr_auto] gap-x-2 border-y border-t-line border-b-transparent py-1 @lg:grid-cols-[1fr_11rem_auto] ${edge}`}
      onDragOver={(event) => {
        if (!canChange || !isForReport(event.dataTransfer.types)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        setOver(half(event));
      }}
      onDragLeave={() => setOver(null)}
      onDrop={(event) => {
        if (!canChange || !isForReport(event.dataTransfer.types)) return;
        event.preventDefault();
        setOver(null);
        onDrop(half(event) === "after", event.dataTransfer);
      }}
    >
      <td role="cell" className="min-w-0" lang={language}>
        {field ?? (
          <>
            <button
              type="button"
              data-testid="sentence"
              data-basis={sentence.basis}
              aria-describedby={isLooked ? "evidence" : undefined}
              className={`rounded text-left decoration-dotted underline-offset-4 hover:bg-accent/15 focus-visible:bg-accent/15 ${isNote ? "text-dim" : "text-ink/90"} ${isLooked ? "bg-accent/15" : ""} ${restsOn(sentence).length > 0 ? "underline decoration-accent/50" : ""}`}
              onMouseEnter={onLook}
              onMouseLeave={onLeave}
              onFocus={onLook}
              onClick={onShow}
            >
              {sentence.text}
            </button>
            {sentence.origin !== "template" && (
              <sup className="ml-0.5 text-dim" title={t.origins[sentence.origin](sentence.author)}>
                {sentence.origin === "person" ? "✎" : "AI"}
                <span className="sr-only"> {t.origins[sentence.origin](sentence.author)}</span>
              </sup>
            )}
          </>
        )}
      </td>
      <td role="cell" className="col-span-2 row-start-2 min-w-0 text-xs text-dim @lg:col-span-1 @lg:row-start-1 @lg:col-start-2">
        <SentenceEvidence sentence={sentence} findings={findings} />
      </td>
      {isOpen && (
        <td role="cell" className="flex items-start whitespace-nowrap">
          {!field && (
            <>
              {open.length > 0 && act("✓", t.table.accept(sentence.text), "accept-sentence", () => onAccept(open), "text-good")}
              {act("✎", t.table.reword(sentence.text), "reword-sentence", onReword)}
              {act("×", t.table.remove(sentence.text), "remove-sentence", onRemove)}
            </>
          )}
        </td>
      )}
    </tr>
  );
}
