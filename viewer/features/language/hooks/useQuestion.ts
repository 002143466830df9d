"use client";

import { useEffect, useRef, useState } from "react";
import { type Action, useAction } from "@/shared/hooks/useAction";
import type { Answer } from "@/shared/api/types";

export interface Question extends Omit<Action, "run"> {
  answer: Answer | null;
  ask: (how: (signal: AbortSignal) => Promise<Answer>) => Promise<void>;
  forget: () => void;
}

/** One question at a time to the node, given up with the page that asked it. */
export function useQuestion(): Question {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const { busy, problem, run } = useAction(() => undefined);
  const leaving = useRef(new AbortController());
  useEffect(() => {
    const controller = new AbortController();
    leaving.current = controller;
    return () => controller.abort();
  }, []);
  const ask: Question["ask"] = async (how) => {
    const { signal } = leaving.current;
    setAnswer(null);
    await run(async () => setAnswer(await how(signal)));
  };
  return { answer, busy, problem, ask, forget: () => setAnswer(null) };
}
