"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { listKeyImages, saveKeyImages, type KeyImage, type KeyImages } from "@/features/reader/lib/api";

export interface KeyImageState {
  images: readonly KeyImage[];
  /** Whether it is known what the node keeps. */
  loaded: boolean;
  problem: Problem | null;
  isKey: (sopInstanceUid: string, frameNumber: number) => boolean;
  /** Where what the node keeps could not be loaded, asks for that first. */
  toggle: (sopInstanceUid: string, frameNumber: number) => void;
  /** Asks again for what could not be loaded. */
  reload: () => void;
}

function isSame(one: KeyImage, sopInstanceUid: string, frameNumber: number): boolean {
  return one.sop_instance_uid === sopInstanceUid && (one.frame_number ?? 1) === frameNumber;
}

/** The newest selection that was made here; those of other systems are theirs to change. */
async function ownSelection(studyInstanceUid: string, signal?: AbortSignal): Promise<KeyImages | undefined> {
  const selections = await listKeyImages(studyInstanceUid, signal);
  return selections.findLast(({ source }) => source.startsWith("reader:"));
}

/** The images that the reader marked: kept by the node as a Key Object Selection. */
export function useKeyImages(studyInstanceUid: string): KeyImageState {
  const [images, setImages] = useState<readonly KeyImage[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const predecessor = useRef("");
  // A selection that is not known is not replaced.
  const [loaded, setLoaded] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const busy = useRef<Promise<void>>(Promise.resolve());

  const take = useCallback((own: KeyImages | undefined) => {
    setLoaded(true);
    predecessor.current = own?.sop_instance_uid ?? "";
    setImages(own?.images ?? []);
    setProblem(null);
  }, []);

  useEffect(() => {
    const controller = new AbortController();
    ownSelection(studyInstanceUid, controller.signal).then(
      take,
      (error: unknown) => !controller.signal.aborted && setProblem(asProblem(error)),
    );
    return () => controller.abort();
  }, [studyInstanceUid, take, attempt]);

  const reload = useCallback(() => {
    if (!loaded) setAttempt((before) => before + 1);
  }, [loaded]);

  const toggle = useCallback(
    (sopInstanceUid: string, frameNumber: number) => {
      if (!loaded) {
        reload();
        return;
      }
      const others = images.filter((one) => !isSame(one, sopInstanceUid, frameNumber));
      const next =
        others.length < images.length
          ? others
          : [...images, { sop_instance_uid: sopInstanceUid, frame_number: frameNumber }];
      setImages(next);
      // One after the other: each version names the one before it. The last image taken out
      // withdraws the selection.
      busy.current = busy.current.then(async () => {
        try {
          const saved = await saveKeyImages(studyInstanceUid, next, predecessor.current);
          predecessor.current = saved.sop_instance_uid;
          setProblem(null);
        } catch (error) {
          // What is marked on the screen is what the node stores, no matter who saved it.
          await ownSelection(studyInstanceUid).then(take, () => undefined);
          setProblem(asProblem(error));
        }
      });
    },
    [images, loaded, studyInstanceUid, take, reload],
  );

  return {
    images,
    loaded,
    problem,
    isKey: (uid, frame) => images.some((one) => isSame(one, uid, frame)),
    toggle,
    reload,
  };
}
