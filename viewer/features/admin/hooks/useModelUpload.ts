"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { uploadModel, type ModelUploadProgress } from "@/features/admin/lib/models/modelUpload";
import { problemOf } from "@/features/uploads/hooks/useUpload";
import { leftOf } from "@/features/uploads/lib/left";
import { Gate, GivenUp } from "@/features/uploads/lib/partUpload";
import { modelUploads, type Unfinished } from "@/features/uploads/lib/unfinished";
import { uploads } from "@/features/uploads/lib/uploadApi";
import type { Problem } from "@/shared/api/problem";

export type ModelUploadState =
  | { name: "idle" }
  | { name: "busy"; progress: ModelUploadProgress; paused: boolean }
  | { name: "done"; model: string }
  | { name: "failed"; problem: Problem };

/** One model on its way at a time, with what there is to say of it. */
export function useModelUpload(onAdded: () => void) {
  const [state, setState] = useState<ModelUploadState>({ name: "idle" });
  const [left, setLeft] = useState<readonly Unfinished[]>([]);
  const gate = useRef(new Gate());
  const lookForLeft = useCallback(async () => setLeft(await leftOf(modelUploads)), []);
  // What was left lies in the browser, which a page has once it runs there.
  // eslint-disable-next-line react-hooks/set-state-in-effect
  useEffect(() => void lookForLeft(), [lookForLeft]);
  useEffect(() => () => gate.current.giveUp(), []);

  const abandon = (uploadId: string) => {
    modelUploads.forget(uploadId);
    setLeft((all) => all.filter((one) => one.uploadId !== uploadId));
    void Promise.resolve(uploads.giveUp(uploadId)).catch(() => undefined);
  };
  const begin = async (files: File[]) => {
    if (files.length === 0) return;
    gate.current = new Gate();
    setState({ name: "busy", progress: { stage: "packing", fraction: 0, waiting: false }, paused: false });
    try {
      const { name } = await uploadModel(files, gate.current, (progress) =>
        setState((now) => (now.name === "busy" ? { ...now, progress } : now)),
      );
      setState({ name: "done", model: name });
      onAdded();
    } catch (error) {
      if (error instanceof GivenUp) setState({ name: "idle" });
      else setState({ name: "failed", problem: problemOf(error) });
    }
    await lookForLeft();
  };
  const pausing = (paused: boolean) => {
    if (paused) gate.current.pause();
    else gate.current.resume();
    setState((now) => (now.name === "busy" ? { ...now, paused } : now));
  };
  const giveUp = () => {
    gate.current.giveUp();
    for (const { uploadId } of modelUploads.all().slice(0, 1)) abandon(uploadId);
  };
  return { state, left, begin, abandon, giveUp, pause: () => pausing(true), resume: () => pausing(false) };
}
