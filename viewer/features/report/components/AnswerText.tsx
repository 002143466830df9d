import { MissingCritical } from "@/features/report/components/MissingCritical";
import { Passages } from "@/features/report/components/Passages";
import { useText } from "@/shared/hooks/useText";
import type { Answer, Finding } from "@/shared/api/types";

/** An answer, what was withheld of it, and what it rests on: findings in the image, a place on a page. */
export function AnswerText({
  answer,
  findings = [],
  onShow,
}: {
  answer: Answer;
  /** Those that can be shown in the image. */
  findings?: readonly Finding[];
  onShow?: (finding: Finding) => void;
}) {
  const { report: t } = useText();
  const known = new Map(findings.map((one) => [one.finding_id, one]));
  const passages = answer.passages ?? [];
  return (
    <div lang="en" className="flex flex-col gap-1.5" data-testid="answer">
      {(answer.sentences ?? []).map((sentence, n) => {
        const shown = sentence.finding_ids.map((id) => known.get(id)).find((one) => one?.segmentation);
        return (
          <p key={n}>
            {sentence.text}{" "}
            {shown && (
              <button
                type="button"
                className="control px-2 py-0.5 text-xs"
                aria-label={t.showEvidenceOf(shown.label)}
                onClick={() => onShow?.(shown)}
              >
                {t.showEvidence}
              </button>
            )}
          </p>
        );
      })}
      <MissingCritical missing={answer.missing ?? []} />
      {(answer.withheld ?? []).map((one, n) => (
        <p key={`withheld ${n}`} className="text-warn" data-testid="withheld">
          <s>{one.text}</s> <span className="text-xs">{t.withheld(one.reasons[0]?.text ?? "")}</span>
        </p>
      ))}
      {(answer.notes ?? []).map((note) => (
        <p key={note} className="text-xs text-dim">
          {note}
        </p>
      ))}
      {passages.length > 0 && <Passages answer={answer} passages={passages} />}
      <p className="text-xs text-dim">
        {answer.method === "model" && t.origins.model(`${answer.model} ${answer.revision}`.trim())}
        {answer.method === "findings" && t.fromFindings}
        {answer.method === "extractive" && t.wordForWord} {t.answerNotice}
      </p>
    </div>
  );
}
