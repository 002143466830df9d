"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";

export interface Fetched<T> {
  value: T | null;
  problem: Problem | null;
  reload: () => void;
}

/** What the node answers to one request, which is made again when `key` changes or on `reload`. */
export function useFetched<T>(ask: (signal: AbortSignal) => Promise<T>, key = ""): Fetched<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [times, setTimes] = useState(0);
  const latest = useRef(ask);
  useEffect(() => {
    latest.current = ask;
  });
  useEffect(() => {
    const controller = new AbortController();
    latest.current(controller.signal).then(
      (found) => {
        if (controller.signal.aborted) return;
        setValue(found);
        setProblem(null);
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setProblem(asProblem(error));
      },
    );
    return () => controller.abort();
  }, [key, times]);
  const reload = useCallback(() => setTimes((now) => now + 1), []);
  return { value, problem, reload };
}
