"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { AnswerText } from "@/features/report/components/AnswerText";
import { useFetched } from "@/shared/hooks/useFetched";
import { useQuestion } from "@/features/language/hooks/useQuestion";
import { useText } from "@/shared/hooks/useText";
import { askAboutDocument, askAboutFile, askAboutStudy, documentsOf } from "@/features/language/lib/askApi";
import type { Finding, StudyDetail } from "@/shared/api/types";

const ofStudy = "study";
const ofFile = "file";

/** A question about the study, a document of it or a file, with what its answer rests on. */
export function AskQuestion({
  study,
  findings,
  onShow,
}: {
  study: StudyDetail;
  findings: readonly Finding[];
  onShow: (finding: Finding) => void;
}) {
  const { report: t } = useText();
  const [question, setQuestion] = useState("");
  const [about, setAbout] = useState(ofStudy);
  const [file, setFile] = useState<File | null>(null);
  const { answer, busy, problem, ask, forget } = useQuestion();
  const uid = study.study_instance_uid;
  const asked = question.trim();
  const askable = asked.length >= 3 && (about !== ofFile || file !== null);
  const submit = () => {
    if (about === ofStudy) void ask((signal) => askAboutStudy(uid, asked, signal));
    else if (about !== ofFile) void ask((signal) => askAboutDocument(about, asked, signal));
    else if (file) void ask((signal) => askAboutFile(file, asked, signal));
  };
  const choose = (next: string) => {
    setAbout(next);
    forget();
  };
  return (
    <section aria-label={t.askTitle} className="border-t border-line pt-3" data-testid="ask">
      <h3 className="section-title mb-2">{t.askTitle}</h3>
      <form
        className="flex flex-col gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (askable) submit();
        }}
      >
        <About study={study} about={about} onChoose={choose} />
        {about === ofFile && (
          <input
            type="file"
            accept="application/pdf,image/png,image/jpeg"
            aria-label={t.askFile}
            className="text-[0.8125rem] file:mr-2 file:rounded-md file:border file:border-line file:bg-raised file:px-2 file:py-1 file:text-ink"
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
          />
        )}
        <div className="flex gap-2">
          <input
            className="control min-w-0 flex-1"
            aria-label={t.question}
            placeholder={about === ofStudy ? t.ask : t.askDocument}
            maxLength={500}
            value={question}
            onChange={(event) => setQuestion(event.target.value)}
          />
          <button type="submit" className="control" disabled={busy || !askable}>
            {t.askButton}
          </button>
        </div>
      </form>
      <div aria-live="polite" className="mt-2">
        {busy && <p className="text-dim">{t.asking}</p>}
        {answer && <AnswerText answer={answer} findings={findings} onShow={onShow} />}
      </div>
      {problem && <ProblemNote problem={problem} />}
    </section>
  );
}

/** The study, its documents by their titles, or a file of one's own. */
function About({
  study,
  about,
  onChoose,
}: {
  study: StudyDetail;
  about: string;
  onChoose: (about: string) => void;
}) {
  const { report: t } = useText();
  const held = study.series.filter((one) => one.modality === "DOC");
  const key = held.map((one) => `${one.series_instance_uid} ${one.instance_count}`).join();
  const documents = useFetched((signal) => documentsOf(study, signal), key);
  return (
    <select
      className="control w-full"
      aria-label={t.askAbout}
      value={about}
      onChange={(event) => onChoose(event.target.value)}
    >
      <option value={ofStudy}>{t.askOfStudy}</option>
      {documents.value?.map((one) => (
        <option key={one.sopInstanceUid} value={one.sopInstanceUid}>
          {t.askOfDocument(one.title)}
        </option>
      ))}
      <option value={ofFile}>{t.askOfFile}</option>
    </select>
  );
}
