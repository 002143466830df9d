"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { askAhead } from "@/features/reader/lib/preload";
import { mayLeave } from "@/shared/hooks/usePageLeave";
import { useText } from "@/shared/hooks/useText";
import { currentQueue, extended, keepQueue, placeIn, type Place } from "@/shared/lib/studyQueue";

/** Long enough for what the open study needs to be asked for first. */
const aheadMs = 4000;

/** The studies before and after this one in the list that it was opened from. */
export function useStudyQueue(studyInstanceUid: string): { place: Place | null; goTo: (uid: string | null) => void } {
  const { viewing: t } = useText();
  const router = useRouter();
  const [list, setList] = useState(currentQueue);
  const place = placeIn(list, studyInstanceUid);

  useEffect(() => {
    const known = currentQueue();
    if (!known) return;
    const controller = new AbortController();
    extended(known, studyInstanceUid, controller.signal).then(
      (longer) => {
        if (longer === known) return;
        keepQueue(longer);
        setList(longer);
      },
      // Without the next page there is no next study; the list itself says what is wrong.
      () => undefined,
    );
    return () => controller.abort();
  }, [studyInstanceUid]);

  const following = place?.following.join(" ") ?? "";
  useEffect(() => {
    if (following === "") return;
    const timer = setTimeout(() => askAhead(following.split(" ")), aheadMs);
    return () => clearTimeout(timer);
  }, [following]);

  return { place, goTo: (uid) => uid && mayLeave(t.leaveUnsaved) && router.push(`/study/?study=${uid}`) };
}
