"use client";

import { useCallback, useEffect, useState } from "react";
import type { OtherStudies } from "@/features/reader/hooks/useOtherStudies";
import { text } from "@/shared/i18n";
import { listHangingProtocols } from "@/features/reader/lib/api";
import { hangStudy, type Hung } from "@/features/reader/lib/layout/hanging";
import { single, withoutUnknown, type Arrangement } from "@/features/reader/lib/layout/layout";
import { seriesToOpen } from "@/dicom/seg";
import type { Finding, HangingProtocol, StudyDetail } from "@/shared/api/types";

export interface Hanging {
  /** Null until it is known what to show. */
  arrangement: Arrangement | null;
  change: (by: (now: Arrangement) => Arrangement) => void;
  /** The protocol that laid the study out, with the windows it asks for; null for none. */
  hung: Hung | null;
  /** Said to the reader: why the site's protocols are not used. */
  notice: string;
}

/** Lays a study out once: results and other studies that come later take nothing away from the reader. */
export function useHanging(
  study: StudyDetail | null,
  findings: readonly Finding[],
  others: OtherStudies,
  /** As the page's address asks; null for what a protocol makes of the study. */
  asked: Arrangement | null,
): Hanging {
  const [protocols, setProtocols] = useState<HangingProtocol[] | null>(null);
  const [notice, setNotice] = useState("");
  const [hung, setHung] = useState<Hung | null>(null);
  const [arrangement, setArrangement] = useState<Arrangement | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    listHangingProtocols(controller.signal).then(setProtocols, (error: unknown) => {
      if (controller.signal.aborted) return;
      setProtocols([]);
      setNotice(error instanceof Error ? text().viewing.noLayout(error.message) : "");
    });
    return () => controller.abort();
  }, []);

  if (study && protocols && others.settled && arrangement === null) {
    const preferred = seriesToOpen(study, findings);
    const wanted = asked && withoutUnknown(asked, [study, ...others.others]);
    if (wanted || preferred !== null) {
      const next = preferred === null ? null : hangStudy(protocols, study, others.others, preferred);
      setHung(next);
      setArrangement(
        wanted ??
          next?.arrangement ??
          single({
            studyInstanceUid: study.study_instance_uid,
            seriesInstanceUid: preferred ?? "",
          }),
      );
    }
  }

  const change = useCallback(
    (by: (now: Arrangement) => Arrangement) => setArrangement((now) => now && by(now)),
    [],
  );
  return {
    arrangement,
    change,
    hung,
    notice,
  };
}
