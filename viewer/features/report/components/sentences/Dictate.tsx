"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { useText } from "@/shared/hooks/useText";
import { getSession } from "@/shared/api/session";
import { canDictate, recognitionOf, speechTag, transcripts, type DictationMode, type Recognition } from "@/features/report/lib/dictation";

/** Speech to text by the browser, where the site allows it and the browser has it; else nothing. */
export function Dictate({ language, onText }: { language: string; onText: (text: string) => void }) {
  const { report: t } = useText();
  const tag = speechTag(language);
  const [mode, setMode] = useState<DictationMode>("off");
  const [listening, setListening] = useState(false);
  const [interim, setInterim] = useState("");
  const [problem, setProblem] = useState("");
  const running = useRef<Recognition | null>(null);
  const take = useRef(onText);
  useEffect(() => {
    take.current = onText;
  });
  useEffect(() => {
    let gone = false;
    void getSession()
      .then(async ({ dictation = "off" }) => ((await canDictate(recognitionOf(window), dictation, tag)) ? dictation : "off"))
      .then((found) => !gone && setMode(found), () => undefined);
    return () => {
      gone = true;
    };
  }, [tag]);
  // What is closed does not go on listening.
  useEffect(() => () => running.current?.abort(), []);
  const start = useCallback(() => {
    const kind = recognitionOf(window);
    if (!kind) return;
    const recognition = new kind();
    recognition.lang = tag;
    recognition.continuous = true;
    recognition.interimResults = true;
    if (mode === "device") recognition.processLocally = true;
    recognition.onresult = (event) => {
      const found = transcripts(event);
      setInterim(found.interim);
      if (found.final) take.current(found.final);
    };
    recognition.onerror = ({ error }) => setProblem(error);
    recognition.onend = () => {
      running.current = null;
      setListening(false);
      setInterim("");
    };
    running.current = recognition;
    setProblem("");
    setListening(true);
    recognition.start();
  }, [mode, tag]);
  if (mode === "off") return null;
  const causes: Partial<Record<string, string>> = t.dictation.problems;
  return (
    <>
      <button
        type="button"
        className="control px-2 py-0.5 aria-pressed:border-bad aria-pressed:text-bad"
        aria-pressed={listening}
        data-testid="dictate"
        title={t.dictation.notices[mode]}
        onClick={() => (listening ? running.current?.stop() : start())}
      >
        <span aria-hidden="true">● </span>
        {listening ? t.dictation.stop : t.dictation.start}
      </button>
      <span className="basis-full text-xs text-dim" role="status">
        {problem && problem !== "aborted" ? (causes[problem] ?? t.dictation.failed(problem)) : interim || t.dictation.notices[mode]}
      </span>
    </>
  );
}
