"use client";

import { useEffect, useRef, useState } from "react";
import { ProblemNote } from "@/components/ProblemNote";
import { useOrder } from "@/hooks/useOrder";
import { useText } from "@/hooks/useText";
import { askAboutStudy } from "@/lib/askApi";
import type { Answer, Finding } from "@/lib/types";

/** A question about the study, answered from findings or by a model behind the guard. */
export function AskStudy({
  studyInstanceUid,
  findings,
  onShow,
}: {
  studyInstanceUid: string;
  findings: readonly Finding[];
  onShow: (finding: Finding) => void;
}) {
  const { report: t } = useText();
  const [question, setQuestion] = useState("");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const order = useOrder(() => undefined);
  const leaving = useRef(new AbortController());
  useEffect(() => {
    const controller = new AbortController();
    leaving.current = controller;
    return () => controller.abort();
  }, []);
  const ask = async () => {
    setAnswer(null);
    await order.give(async () =>
      setAnswer(await askAboutStudy(studyInstanceUid, question.trim(), leaving.current.signal)),
    );
  };
  return (
    <section aria-label={t.ask} className="border-t border-line pt-3" data-testid="ask">
      <form
        className="flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (question.trim()) void ask();
        }}
      >
        <input
          className="control min-w-0 flex-1"
          aria-label={t.ask}
          placeholder={t.ask}
          maxLength={500}
          value={question}
          onChange={(event) => setQuestion(event.target.value)}
        />
        <button type="submit" className="control" disabled={order.busy || !question.trim()}>
          {t.askButton}
        </button>
      </form>
      <div aria-live="polite" className="mt-2">
        {order.busy && <p className="text-dim">{t.asking}</p>}
        {answer && <Answered answer={answer} findings={findings} onShow={onShow} />}
      </div>
      {order.problem && <ProblemNote problem={order.problem} />}
    </section>
  );
}

function Answered({
  answer,
  findings,
  onShow,
}: {
  answer: Answer;
  findings: readonly Finding[];
  onShow: (finding: Finding) => void;
}) {
  const { report: t } = useText();
  const known = new Map(findings.map((one) => [one.finding_id, one]));
  return (
    <div lang="en" className="flex flex-col gap-1.5">
      {(answer.sentences ?? []).map((sentence, n) => {
        const shown = sentence.finding_ids.map((id) => known.get(id)).find((one) => one?.segmentation);
        return (
          <p key={n}>
            {sentence.text}{" "}
            {shown && (
              <button type="button" className="control px-2 py-0.5 text-xs" onClick={() => onShow(shown)}>
                {t.showEvidence}
              </button>
            )}
          </p>
        );
      })}
      {(answer.withheld ?? []).map((one, n) => (
        <p key={`withheld ${n}`} className="text-warn" data-testid="withheld">
          <s>{one.text}</s> <span className="text-xs">{t.withheld(one.reasons[0]?.text ?? "")}</span>
        </p>
      ))}
      <p className="text-xs text-dim">
        {answer.method === "model" ? t.origins.model(`${answer.model} ${answer.revision}`.trim()) : t.fromFindings}{" "}
        {t.answerNotice}
      </p>
    </div>
  );
}
