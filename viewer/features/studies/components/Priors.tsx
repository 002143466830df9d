"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Waiting } from "@/shared/components/Waiting";
import { useText } from "@/shared/hooks/useText";
import { listStudies } from "@/shared/api/api";
import { dateText, dicomTime, number } from "@/shared/lib/format";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { wholeList } from "@/shared/lib/listAddress";
import { studyBadge } from "@/shared/lib/state";
import { isSamePerson, relationText } from "@/features/reader/lib/studies/otherStudies";
import { imageModalities } from "@/features/studies/lib/studyListColumns";
import type { Page, StudySummary } from "@/shared/api/types";

/** More than these are found by searching for the patient ID. */
const most = 20;

/** The patient's other studies, the newest first. */
export function Priors({ study }: { study: StudySummary }) {
  const { viewing, studyList: t } = useText();
  const [page, setPage] = useState<Page<StudySummary> | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { patient_id: patientId, study_instance_uid: own } = study;
  useEffect(() => {
    const controller = new AbortController();
    const asked = { ...wholeList, sort: "study_date" as const, limit: most + 1, patientId };
    listStudies(asked, controller.signal).then(setPage, (error: unknown) => {
      if (!controller.signal.aborted) setProblem(asProblem(error));
    });
    return () => controller.abort();
  }, [patientId]);
  if (problem) return <ProblemNote problem={problem} />;
  if (!page) return <Waiting text={t.reading} />;
  const listed = page.items.filter((one) => one.study_instance_uid !== own);
  const others = listed.filter((one) => isSamePerson(one, study));
  const otherPersons = listed.length - others.length;
  const beyond = page.total - 1 - Math.min(listed.length, most);
  return (
    <>
      {others.length === 0 && <p className="text-dim">{t.noPriors}</p>}
      <ul aria-label={t.priors} className="space-y-1">
        {others.slice(0, most).map((other) => {
          const badge = studyBadge(other.state);
          return (
            <li key={other.study_instance_uid} data-testid="prior" className="flex items-baseline gap-4">
              <Link
                data-study-link
                prefetch={false}
                className="rounded font-medium text-accent hover:underline"
                href={`/study/?study=${other.study_instance_uid}`}
              >
                {dateText(other.study_date) || "—"} {dicomTime(other.study_time)}
              </Link>
              <span className="w-28 text-dim" data-testid="distance">{other.study_date && relationText(other, study)}</span>
              <span className="w-24">{imageModalities(other.modalities).join(", ")}</span>
              <span className="min-w-0 flex-1 truncate text-dim">{other.study_description}</span>
              <Badge word={badge.word} tone={badge.tone} />
            </li>
          );
        })}
      </ul>
      {otherPersons > 0 && (
        <p className="mt-1 text-warn" data-testid="other-persons">
          {viewing.otherPersons(otherPersons)}
        </p>
      )}
      {beyond > 0 && <p className="mt-1 text-dim">{t.morePriors(number(beyond))}</p>}
    </>
  );
}
