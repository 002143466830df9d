"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { readPreviews } from "@/features/studies/lib/previewApi";
import { Previews, type Box, type Preview } from "@/features/studies/lib/previews";

/** Who only passes over a row wants no pictures of it. */
const restMs = 350;

const previews = new Previews(readPreviews, (url) => URL.revokeObjectURL(url));

export interface ShownPreview {
  row: Box;
  x: number;
  pictures: readonly Preview[];
}

export interface PreviewState {
  shown: ShownPreview | null;
  /** A row that the pointer rests on, or the focus is in. */
  rest: (studyInstanceUid: string, row: HTMLElement, x: number) => void;
  leave: () => void;
}

/** The pictures of the study that somebody points at or has the focus on; one study at a time. */
export function usePreview(): PreviewState {
  const [shown, setShown] = useState<ShownPreview | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const asked = useRef<AbortController | null>(null);
  const leave = useCallback(() => {
    clearTimeout(timer.current);
    asked.current?.abort();
    setShown(null);
  }, []);
  const rest = useCallback(
    (studyInstanceUid: string, row: HTMLElement, x: number) => {
      leave();
      const controller = new AbortController();
      asked.current = controller;
      timer.current = setTimeout(() => {
        previews.of(studyInstanceUid, controller.signal).then(
          (pictures) => {
            if (controller.signal.aborted || pictures.length === 0) return;
            setShown({ row: row.getBoundingClientRect(), x, pictures });
          },
          // The list is as good without pictures; what hinders them stands where the study is opened.
          () => undefined,
        );
      }, restMs);
    },
    [leave],
  );
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent) => key === "Escape" && leave();
    window.addEventListener("keydown", onKey);
    // The row has moved away from under it; a row that is scrolled to for the focus still comes.
    const hide = () => setShown(null);
    window.addEventListener("scroll", hide, { capture: true, passive: true });
    return () => {
      window.removeEventListener("keydown", onKey);
      window.removeEventListener("scroll", hide, { capture: true });
      leave();
    };
  }, [leave]);
  return { shown, rest, leave };
}
