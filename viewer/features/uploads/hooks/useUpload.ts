"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import { Gate, GivenUp } from "@/features/uploads/lib/partUpload";
import type { AnalyzeStarted } from "@/shared/api/types";
import { leftOf } from "@/features/uploads/lib/left";
import { studyUploads, type Unfinished } from "@/features/uploads/lib/unfinished";
import { uploadFiles, type UploadProgress } from "@/features/uploads/lib/upload";
import { uploads } from "@/features/uploads/lib/uploadApi";

type UploadState =
  | { name: "idle" }
  | { name: "busy"; files: number; progress: UploadProgress; paused: boolean }
  | { name: "done"; answers: AnalyzeStarted[] }
  | { name: "failed"; problem: Problem };

export interface Upload {
  state: UploadState;
  /** Begun in this browser, and broken off: by a reload, or because the browser was closed. */
  left: readonly Unfinished[];
  begin: (files: File[]) => Promise<void>;
  pause: () => void;
  resume: () => void;
  giveUp: () => void;
  abandon: (uploadId: string) => void;
  close: () => void;
}

const nothing: UploadProgress = { stage: "sending", fraction: 0, waiting: false };

/** One upload at a time, with what there is to say of it. */
export function useUpload(onDone: () => void): Upload {
  const [state, setState] = useState<UploadState>({ name: "idle" });
  const [left, setLeft] = useState<readonly Unfinished[]>([]);
  const gate = useRef(new Gate());

  const lookForLeft = useCallback(async () => setLeft(await leftOf(studyUploads)), []);
  // What was left lies in the browser, which a page has once it runs there.
  // eslint-disable-next-line react-hooks/set-state-in-effect
  useEffect(() => void lookForLeft(), [lookForLeft]);

  const change = (paused: boolean) =>
    setState((now) => (now.name === "busy" ? { ...now, paused } : now));
  const begin = useCallback(
    async (files: File[]) => {
      if (files.length === 0) return;
      gate.current = new Gate();
      setState({ name: "busy", files: files.length, progress: nothing, paused: false });
      try {
        const answers = await uploadFiles(files, gate.current, (progress) =>
          setState((now) => (now.name === "busy" ? { ...now, progress } : now)),
        );
        setState({ name: "done", answers });
        onDone();
      } catch (error) {
        if (error instanceof GivenUp) setState({ name: "idle" });
        else setState({ name: "failed", problem: problemOf(error) });
      }
      await lookForLeft();
    },
    [onDone, lookForLeft],
  );
  const abandon = (uploadId: string) => {
    studyUploads.forget(uploadId);
    setLeft((all) => all.filter((one) => one.uploadId !== uploadId));
    // It ends by itself in any case, later.
    void Promise.resolve(uploads.giveUp(uploadId)).catch(() => undefined);
  };

  return {
    state,
    left,
    begin,
    pause: () => {
      gate.current.pause();
      change(true);
    },
    resume: () => {
      gate.current.resume();
      change(false);
    },
    giveUp: () => {
      gate.current.giveUp();
      for (const { uploadId } of studyUploads.all().slice(0, 1)) abandon(uploadId);
    },
    abandon,
    close: () => setState({ name: "idle" }),
  };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { failed } = text().studyList.uploaded;
  return new Problem(0, failed, error instanceof Error ? error.message : "", "", "upload");
}
