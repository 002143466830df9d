"use client";

import { useEffect, useState } from "react";
import { listTrends } from "@/shared/api/api";
import type { Trend } from "@/shared/api/types";

/** The measures of a study over all studies of the patient, once `wanted`; null until they are there. */
export function useTrends(studyInstanceUid: string, wanted: boolean): Trend[] | null {
  const [trends, setTrends] = useState<Trend[] | null>(null);
  useEffect(() => {
    if (!wanted) return;
    const controller = new AbortController();
    listTrends(studyInstanceUid, controller.signal).then(setTrends, () => {
      // A finding stands without its past; the page itself says where the node does not answer.
      if (!controller.signal.aborted) setTrends([]);
    });
    return () => controller.abort();
  }, [wanted, studyInstanceUid]);
  return trends;
}
