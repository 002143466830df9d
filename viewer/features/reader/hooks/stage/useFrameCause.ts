"use client";

import { useEffect, useState } from "react";
import { causeOf, type FrameCause } from "@/features/reader/lib/frameCause";

const againMs = 3000;

/** Causes that may pass by themselves: the image is asked for again until another answer comes. */
const passing: ReadonlySet<FrameCause> = new Set(["unreachable", "unavailable"]);

/** Why a frame cannot be shown, null while that is being asked; `onBack` once it can be had again. */
export function useFrameCause(frameUrl: string, onBack: () => void): FrameCause | null {
  const [state, setState] = useState<{ url: string; cause: FrameCause } | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wasAway = false;
    const ask = async () => {
      const cause = await causeOf(frameUrl, signal);
      if (signal.aborted) return;
      if (wasAway && cause === "undecodable") {
        onBack();
        return;
      }
      setState({ url: frameUrl, cause });
      wasAway = passing.has(cause);
      if (wasAway) timer = setTimeout(() => void ask().catch(() => undefined), againMs);
    };
    void ask().catch(() => undefined);
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
    // What is done once it is back does not change with every picture of the page.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [frameUrl]);
  return state?.url === frameUrl ? state.cause : null;
}
