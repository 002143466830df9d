"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { OtherStudies } from "@/features/reader/hooks/useOtherStudies";
import { retrieveSeriesMetadata } from "@/dicom/dicomweb";
import { imageViews, type ImageView } from "@/dicom/imageView";
import { seriesToExamine } from "@/features/reader/lib/layout/hanging";
import type { HangingProtocol, StudyDetail } from "@/shared/api/types";

const none: readonly ImageView[] = [];

export interface ImageViews {
  of: (seriesInstanceUid: string) => readonly ImageView[];
  /** True once the headers of all series are read that the protocols ask for by their images. */
  settled: boolean;
  /** True once they are those of the series that are asked for now, not of those before. */
  isCurrent: boolean;
}

/** The views of images, where hanging protocols ask for them. */
export function useImageViews(
  protocols: readonly HangingProtocol[] | null,
  study: StudyDetail | null,
  { others, settled }: OtherStudies,
): ImageViews {
  const [read, setRead] = useState<{ wanted: string; views: ReadonlyMap<string, readonly ImageView[]> } | null>(null);
  const wanted = useMemo(() => {
    if (!protocols || !study || !settled) return null;
    return seriesToExamine(protocols, study, others)
      .map(({ studyInstanceUid, seriesInstanceUid }) => `${studyInstanceUid} ${seriesInstanceUid}`)
      .join("\n");
  }, [protocols, study, others, settled]);

  useEffect(() => {
    if (!wanted) return;
    const controller = new AbortController();
    const ask = async (line: string) => {
      const [studyInstanceUid = "", seriesInstanceUid = ""] = line.split(" ");
      const datasets = await retrieveSeriesMetadata(studyInstanceUid, seriesInstanceUid, controller.signal);
      return [seriesInstanceUid, imageViews(datasets)] as const;
    };
    void Promise.allSettled(wanted.split("\n").map(ask)).then((answers) => {
      if (controller.signal.aborted) return;
      // A series that cannot be read now is hung by its description, and says itself what is wrong.
      const views = new Map(answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : [])));
      setRead({ wanted, views });
    });
    return () => controller.abort();
  }, [wanted]);

  const of = useCallback((uid: string) => read?.views.get(uid) ?? none, [read]);
  const isCurrent = wanted === "" || (wanted !== null && read?.wanted === wanted);
  return { of, isCurrent, settled: wanted === "" || (wanted !== null && read !== null) };
}
