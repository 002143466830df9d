"use client";

import { useSearchParams } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import type { Slice } from "@/dicom/geometry";
import { middleOf } from "@/dicom/geometry";
import { forgetSharedViewports, sharedViewports, type AskedView } from "@/features/reader/lib/sharing/openedView";
import { readViewAddress, viewParameters, type ViewAddress } from "@/features/reader/lib/layout/viewAddress";

/** Browsers refuse an address that changes too often, and no one needs each slice in it. */
const settledMs = 400;

/**
 * How the address that the page was opened by asks for the study to be shown: the router's, for that of the
 * window may still be that of the study before, with its series and its grid.
 */
export function useAskedView(studyInstanceUid: string): AskedView {
  const routed = useSearchParams();
  // Not while it is drawn: React may begin to draw a page more than once before it is there.
  useEffect(() => forgetSharedViewports(studyInstanceUid), [studyInstanceUid]);
  return useState(() => ({
    ...readViewAddress(new URLSearchParams(routed.toString()), studyInstanceUid),
    viewports: sharedViewports(studyInstanceUid),
  }))[0];
}

/** Goes to the image that the address names, once, and keeps the address true to what is shown. */
export function useViewAddress(
  asked: ViewAddress,
  studyInstanceUid: string,
  { scene, series, layout, arrangement, opened }: ReaderState,
  slice: Slice | null,
): void {
  const wanted = useRef(asked.image);
  useEffect(() => {
    const image = wanted.current;
    if (!image || !scene || !series || !opened.includes(series)) return;
    const found = series.order.slices.find(
      ({ sopInstanceUid, frameNumber }) => sopInstanceUid === image.sopInstanceUid && frameNumber === image.frameNumber,
    );
    wanted.current = null;
    if (found) void scene.navigation.goTo(found.sopInstanceUid, found.frameNumber, middleOf(found.dataset));
  }, [scene, series, opened]);

  const [last, setLast] = useState<ViewAddress["image"]>(asked.image);
  if (slice && (slice.sopInstanceUid !== last?.sopInstanceUid || slice.frameNumber !== last.frameNumber)) {
    // In planes and in a volume the slice that was open before stays in the address.
    setLast({ sopInstanceUid: slice.sopInstanceUid, frameNumber: slice.frameNumber });
  }
  useEffect(() => {
    if (!arrangement || !studyInstanceUid || wanted.current) return;
    const timer = setTimeout(() => {
      const parameters = viewParameters({ layout, arrangement, image: last }, studyInstanceUid);
      replaceAddress(studyInstanceUid, parameters);
    }, settledMs);
    return () => clearTimeout(timer);
  }, [studyInstanceUid, layout, arrangement, last]);
}

/**
 * Writes the address past Next's router, for which a changed address ends a navigation that is under way:
 * a reader who went on to the next study within a moment of the last image stayed where they were.
 */
function replaceAddress(studyInstanceUid: string, parameters: URLSearchParams): void {
  const isStillOpen = new URLSearchParams(window.location.search).get("study") === studyInstanceUid;
  if (!isStillOpen) return;
  History.prototype.replaceState.call(window.history, window.history.state, "", `${window.location.pathname}?${parameters}`);
}
