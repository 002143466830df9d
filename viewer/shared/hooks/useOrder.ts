"use client";

import { useState } from "react";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";

export interface Order {
  busy: boolean;
  problem: Problem | null;
  /** Runs it unless one is under way; true once the node has taken it. */
  give: (order: () => Promise<unknown>) => Promise<boolean>;
}

/** Something that a person asks of the node: once at a time, with what went wrong. */
export function useOrder(onDone: () => void): Order {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const give = async (order: () => Promise<unknown>): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setProblem(null);
    try {
      await order();
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setBusy(false);
      // A refused order often means that things have changed meanwhile.
      onDone();
    }
  };
  return { busy, problem, give };
}
