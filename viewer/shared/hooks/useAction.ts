"use client";

import { useState } from "react";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { rememberFocus } from "@/shared/lib/keys/focus";

export interface Action {
  busy: boolean;
  problem: Problem | null;
  /** Runs it unless one is under way; true once the node has taken it. */
  run: (request: () => Promise<unknown>) => Promise<boolean>;
}

/** Something that a person asks of the node: once at a time, with what went wrong. */
export function useAction(onDone: () => void): Action {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async (request: () => Promise<unknown>): Promise<boolean> => {
    if (busy) return false;
    const giveFocusBack = rememberFocus();
    setBusy(true);
    setProblem(null);
    try {
      await request();
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setBusy(false);
      giveFocusBack();
      // A refused request often means that things have changed meanwhile.
      onDone();
    }
  };
  return { busy, problem, run };
}
