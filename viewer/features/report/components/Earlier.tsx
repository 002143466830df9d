"use client";

import { Answer } from "@/shared/components/parts";
import { Answered } from "@/features/report/components/Answered";
import { Unfold } from "@/features/report/components/Unfold";
import { useAsked } from "@/shared/hooks/useAsked";
import { useText } from "@/shared/hooks/useText";
import { summarizeReports } from "@/features/language/lib/askApi";
import type { StudyDetail } from "@/shared/api/types";

/** What the reports of the patient's other studies say, in short, asked for when it is opened. */
export function Earlier({ priors }: { priors: readonly StudyDetail[] }) {
  const { report: t } = useText();
  const newest = priors.flatMap(({ reports }) => reports.at(-1) ?? []);
  if (newest.length === 0) return null;
  return (
    <Unfold title={t.earlier(newest.length)} testId="earlier">
      <InShort reportIds={newest.map((one) => one.report_id)} />
    </Unfold>
  );
}

function InShort({ reportIds }: { reportIds: string[] }) {
  const asked = useAsked((signal) => summarizeReports(reportIds, signal), reportIds.join());
  return (
    <div className="mt-2" aria-live="polite">
      <Answer asked={asked}>
        {(answer) => <Answered answer={answer} />}
      </Answer>
    </div>
  );
}
