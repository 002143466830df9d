"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { PageHeader } from "@/shared/components/PageHeader";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { AnswerText } from "@/features/report/components/AnswerText";
import { WithoutNames } from "@/features/language/components/WithoutNames";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { useQuestion } from "@/features/language/hooks/useQuestion";
import { useText } from "@/shared/hooks/useText";
import { summarizeText, takeOutIdentifiers } from "@/features/language/lib/askApi";

/** As many as the node reads of one text. */
const mostCharacters = 200_000;

/** A text of one's own: in short, or without the names and numbers of people.. */
export function TextPage() {
  const { text: t, report } = useText();
  const router = useRouter();
  const [text, setText] = useState("");
  const [keepDates, setKeepDates] = useState(false);
  const { answer, busy, problem, ask } = useQuestion();
  useEffect(() => {
    document.title = `${t.title} · MediViewAI`;
  }, [t]);
  useHotkeys({ Escape: () => router.push("/") });
  const unready = busy || text.trim() === "";
  return (
    <div className="mx-auto flex min-h-dvh max-w-[80rem] flex-col px-5">
      <PageHeader leaveBy="Esc" />
      <main className="flex-1 pb-10">
        <h1 className="text-lg font-semibold">{t.title}</h1>
        <p className="mt-1 mb-3 text-dim">{t.what}</p>
        <textarea
          className="h-56 w-full rounded-md border border-line-strong bg-panel px-3 py-2"
          aria-label={t.text}
          placeholder={t.hint}
          maxLength={mostCharacters}
          // The page is for nothing else.
          autoFocus
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <div className="my-2 flex flex-wrap items-center gap-3">
          <button
            type="button"
            className="control"
            disabled={unready}
            onClick={() => void ask((signal) => summarizeText(text, signal))}
          >
            {t.summarize}
          </button>
          <button
            type="button"
            className="control"
            disabled={unready}
            onClick={() => void ask((signal) => takeOutIdentifiers(text, keepDates, signal))}
          >
            {t.takeOut}
          </button>
          <label className="flex items-center gap-1.5 text-dim">
            <input type="checkbox" checked={keepDates} onChange={(event) => setKeepDates(event.target.checked)} />
            {t.keepDates}
          </label>
        </div>
        <div aria-live="polite" className="mt-4 max-w-[60rem]">
          {busy && <p className="text-dim">{t.working}</p>}
          {answer?.kind === "summary" && <AnswerText answer={answer} />}
          {answer?.kind === "deid" && <WithoutNames answer={answer} />}
        </div>
        {problem && <ProblemNote problem={problem} />}
        <p className="mt-6 text-xs text-dim">{report.answerNotice}</p>
      </main>
    </div>
  );
}
