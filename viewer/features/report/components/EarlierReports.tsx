"use client";

import { Answer } from "@/shared/components/parts";
import { AnswerText } from "@/features/report/components/AnswerText";
import { Disclosure } from "@/features/report/components/Disclosure";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { summarizeReports } from "@/features/language/lib/askApi";
import type { StudyDetail } from "@/shared/api/types";

/** What the reports of the patient's other studies say, in short, asked for when it is opened. */
export function EarlierReports({ priors }: { priors: readonly StudyDetail[] }) {
  const { report: t } = useText();
  const newest = priors.flatMap(({ reports }) => reports.at(-1) ?? []);
  if (newest.length === 0) return null;
  return (
    <Disclosure title={t.earlier(newest.length)} testId="earlier">
      <InShort reportIds={newest.map((one) => one.report_id)} />
    </Disclosure>
  );
}

function InShort({ reportIds }: { reportIds: string[] }) {
  const fetched = useFetched((signal) => summarizeReports(reportIds, signal), reportIds.join());
  return (
    <div className="mt-2" aria-live="polite">
      <Answer fetched={fetched}>
        {(answer) => <AnswerText answer={answer} />}
      </Answer>
    </div>
  );
}
