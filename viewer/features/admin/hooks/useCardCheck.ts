"use client";

import { useEffect, useState } from "react";
import { cards } from "@/features/admin/lib/models/modelsApi";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";
import type { CardCheck } from "@/shared/api/types";

const quietMs = 400;

/** What the node says of the text, once nobody has typed for a moment; null while it is out of date. */
export function useCardCheck(name: string, version: string, text: string): { check: CardCheck | null; problem: Problem | null } {
  const [found, setFound] = useState<{ text: string; check: CardCheck | null; problem: Problem | null } | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      cards.check(name, version, text, controller.signal).then(
        (check) => setFound({ text, check, problem: null }),
        (error: unknown) => {
          if (!controller.signal.aborted) setFound({ text, check: null, problem: asProblem(error) });
        },
      );
    }, quietMs);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [name, version, text]);
  const isOfText = found?.text === text;
  return { check: isOfText ? found.check : null, problem: isOfText ? found.problem : null };
}
