"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { listKeyImages, saveKeyImages, type KeyImage, type KeyImages } from "@/features/reader/lib/api";

export interface KeyImageState {
  images: readonly KeyImage[];
  problem: Problem | null;
  isKey: (sopInstanceUid: string, frameNumber: number) => boolean;
  toggle: (sopInstanceUid: string, frameNumber: number) => void;
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
  const busy = useRef<Promise<void>>(Promise.resolve());

  const take = useCallback((own: KeyImages | undefined) => {
    predecessor.current = own?.sop_instance_uid ?? "";
    setImages(own?.images ?? []);
  }, []);

  useEffect(() => {
    const controller = new AbortController();
    ownSelection(studyInstanceUid, controller.signal).then(
      take,
      (error: unknown) => !controller.signal.aborted && setProblem(asProblem(error)),
    );
    return () => controller.abort();
  }, [studyInstanceUid, take]);

  const toggle = useCallback(
    (sopInstanceUid: string, frameNumber: number) => {
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
          setProblem(asProblem(error));
          // What is marked on the screen is what the node stores, no matter who saved it.
          await ownSelection(studyInstanceUid).then(take, () => undefined);
        }
      });
    },
    [images, studyInstanceUid, take],
  );

  return {
    images,
    problem,
    isKey: (uid, frame) => images.some((one) => isSame(one, uid, frame)),
    toggle,
  };
}
