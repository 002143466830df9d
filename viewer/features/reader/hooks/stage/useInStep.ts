"use client";

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { isCell, type LoadedSeries, type Scene, type ViewId } from "@/cornerstone";
import { stringOf } from "@/dicom/dicomweb";
import { middleOf } from "@/dicom/geometry";
import { isOfThisPatient, leads, stepMessage, type StepMessage } from "@/features/reader/lib/stage/inStep";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";

export type InStepWith = "off" | "position" | "window";

export interface InStepState {
  /** How many other windows show a study. */
  others: number;
  /** What is taken over from them. */
  mode: InStepWith;
  setMode: (mode: InStepWith) => void;
  open: () => void;
}

const channelName = "mediview.reader";
const frameOfReference = "00200052";

type Sent = StepMessage extends infer One ? (One extends StepMessage ? Omit<One, "from"> : never) : never;

/** Several windows of the reader, on several monitors, that look at the same place of the patient. */
export function useInStep(
  scene: Scene | null,
  studies: ReadonlyMap<string, unknown>,
  views: ViewStore,
  viewId: ViewId,
  series: LoadedSeries | null,
): InStepState {
  const [mode, setMode] = useState<InStepWith>("position");
  const [others, setOthers] = useState<ReadonlySet<string>>(new Set());
  const send = useRef<(message: Sent) => void>(() => undefined);
  const actedAt = useRef(-Infinity);
  const latest = useRef({ scene, studies, mode });
  useEffect(() => {
    latest.current = { scene, studies, mode };
  });

  useEffect(() => {
    if (typeof BroadcastChannel === "undefined") return;
    const from = crypto.randomUUID();
    const channel = new BroadcastChannel(channelName);
    send.current = (message) => channel.postMessage({ ...message, from });
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const message = stepMessage(data);
      if (!message) return;
      if (message.kind === "here" && !message.isAnswer) send.current({ kind: "here", isAnswer: true });
      setOthers((now) => {
        if (now.has(message.from) === (message.kind !== "gone")) return now;
        const next = new Set(now);
        if (message.kind === "gone") next.delete(message.from);
        else next.add(message.from);
        return next;
      });
      if (message.kind !== "look") return;
      const { scene: here, studies: known, mode: how } = latest.current;
      if (!here || how === "off" || !isOfThisPatient(message, known)) return;
      actedAt.current = -Infinity;
      here.inStep.goTo(message.frameOfReferenceUid, message.lpsMm);
      if (how === "window" && message.window) here.inStep.setWindow(message.modality, message.window);
    };
    send.current({ kind: "here", isAnswer: false });
    const onGone = () => send.current({ kind: "gone" });
    const onAct = () => {
      actedAt.current = performance.now();
    };
    const acts = ["wheel", "keydown", "pointerdown", "pointermove"] as const;
    // A pointer that only passes over a window does not lead.
    const onMove = (event: Event) => (event.type !== "pointermove" || (event as PointerEvent).buttons !== 0) && onAct();
    for (const act of acts) window.addEventListener(act, onMove, { capture: true, passive: true });
    window.addEventListener("pagehide", onGone);
    return () => {
      onGone();
      channel.close();
      send.current = () => undefined;
      for (const act of acts) window.removeEventListener(act, onMove, { capture: true });
      window.removeEventListener("pagehide", onGone);
    };
  }, []);

  // Changes with the place and the window of the active view alone.
  const shown = useSyncExternalStore(
    views.subscribe,
    useCallback(() => {
      const { info } = views.get(viewId);
      if (!info?.settled) return "";
      return [info.sliceNumber, info.center, info.width, ...(info.plane?.screen.origin ?? [])].join(" ");
    }, [views, viewId]),
    () => "",
  );
  const hasOthers = others.size > 0;
  useEffect(() => {
    if (!scene || !series || !hasOthers || shown === "" || mode === "off" || !leads(actedAt.current, performance.now())) return;
    const index = (views.get(viewId).info?.sliceNumber ?? 1) - 1;
    const dataset = series.order.slices[isCell(viewId) ? index : 0]?.dataset;
    const lpsMm = isCell(viewId) ? dataset && middleOf(dataset) : scene.planes.point;
    if (!dataset || !lpsMm) return;
    send.current({
      kind: "look",
      studyInstanceUid: series.studyInstanceUid,
      frameOfReferenceUid: stringOf(dataset, frameOfReference),
      lpsMm,
      modality: series.modality,
      window: scene.range,
    });
  }, [scene, series, views, viewId, shown, mode, hasOthers]);

  const open = useCallback(() => {
    // Of its own: a page that another one opened could be moved by it.
    window.open(window.location.href, "_blank", "noopener,popup,width=1200,height=900");
  }, []);
  return { others: others.size, mode, setMode, open };
}
