"use client";

import { useCallback, useEffect, useState } from "react";
import { useImageViews } from "@/features/reader/hooks/stage/useImageViews";
import type { OtherStudies } from "@/features/reader/hooks/useOtherStudies";
import { chosenPreferences } from "@/shared/hooks/usePreferences";
import { text } from "@/shared/i18n";
import { listHangingProtocols } from "@/features/reader/lib/api";
import { hangStudy, rolesOf, type Hung, type HungStage } from "@/features/reader/lib/layout/hanging";
import { single, withoutUnknown, type Arrangement } from "@/features/reader/lib/layout/layout";
import { seriesToOpen } from "@/dicom/segmentation/seg";
import type { Finding, HangingProtocol, StudyDetail } from "@/shared/api/types";

/** Where the reader is in the layouts of a protocol. */
export interface Stages {
  /** Null where no protocol laid the study out. */
  current: HungStage | null;
  /** Counts from 1. */
  number: number;
  count: number;
  /** The next stage, or the one before; none beyond the first and the last. */
  step: (by: number) => void;
}

export interface Hanging {
  /** Null until it is known what to show. */
  arrangement: Arrangement | null;
  change: (by: (now: Arrangement) => Arrangement) => void;
  stages: Stages;
  /** The reader works with what is shown: it stays, whatever becomes known later. */
  keep: () => void;
  /** Shown to the reader: why the site's protocols are not used. */
  notice: string;
}

/** The person's own protocols; without any, those of the site. */
async function protocolsOf(signal: AbortSignal): Promise<HangingProtocol[]> {
  const ofSite = listHangingProtocols(signal);
  // Without an answer to what the person chose, studies are laid out as the site wants it.
  const own = await chosenPreferences().then(({ hanging }) => hanging, () => null);
  if (!own) return ofSite;
  ofSite.catch(() => undefined);
  return own.protocols;
}

function isSame(one: Arrangement, other: Arrangement): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * Lays a study out once: results and other studies that come later take nothing away from the reader. Only what a protocol asks for by role is hung
 * later, once roles are known, as long as the reader has left everything where it was.
 */
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
  const [stage, setStage] = useState(0);
  const [arrangement, setArrangement] = useState<Arrangement | null>(null);
  const [hungRoles, setHungRoles] = useState("");
  const [isKept, setIsKept] = useState(false);

  useEffect(() => {
    const controller = new AbortController();
    protocolsOf(controller.signal).then(setProtocols, (error: unknown) => {
      if (controller.signal.aborted) return;
      setProtocols([]);
      setNotice(error instanceof Error ? text().viewing.noLayout(error.message) : "");
    });
    return () => controller.abort();
  }, []);

  const views = useImageViews(protocols, study, others);
  const roles = study ? rolesOf(study) : "";
  if (study && protocols && others.settled && views.isCurrent && arrangement !== null && !isKept && roles !== hungRoles) {
    setHungRoles(roles);
    const preferred = seriesToOpen(study, findings);
    const next = preferred === null ? null : hangStudy(protocols, { study, others: others.others, viewsOf: views.of, preferred });
    const first = next?.stages[0];
    if (next?.isByRole && first) {
      setHung(next);
      if (!isSame(first.arrangement, arrangement)) setArrangement(first.arrangement);
    }
  }
  if (study && protocols && others.settled && views.settled && arrangement === null) {
    const preferred = seriesToOpen(study, findings);
    const wanted = asked && withoutUnknown(asked, [study, ...others.others]);
    if (wanted || preferred !== null) {
      setHungRoles(roles);
      setIsKept(Boolean(wanted));
      const input = { study, others: others.others, viewsOf: views.of, preferred };
      const next = preferred === null ? null : hangStudy(protocols, input);
      setHung(next);
      setArrangement(
        wanted ??
          next?.stages[0]?.arrangement ??
          single({
            studyInstanceUid: study.study_instance_uid,
            seriesInstanceUid: preferred ?? "",
          }),
      );
    }
  }

  const change = useCallback(
    (by: (now: Arrangement) => Arrangement) => {
      setIsKept(true);
      setArrangement((now) => now && by(now));
    },
    [],
  );
  const keep = useCallback(() => setIsKept(true), []);
  const count = hung?.stages.length ?? 0;
  const step = (by: number) => {
    const next = Math.max(0, Math.min(count - 1, stage + by));
    const wanted = hung?.stages[next];
    if (!wanted || next === stage) return;
    setIsKept(true);
    setStage(next);
    setArrangement(wanted.arrangement);
  };
  return {
    arrangement,
    change,
    keep,
    stages: { current: hung?.stages[stage] ?? null, number: stage + 1, count, step },
    notice,
  };
}
