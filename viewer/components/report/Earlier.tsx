"use client";

import { Answer } from "@/components/admin/parts";
import { Answered } from "@/components/report/Answered";
import { Unfold } from "@/components/report/Unfold";
import { useAsked } from "@/hooks/useAsked";
import { useText } from "@/hooks/useText";
import { summarizeReports } from "@/lib/askApi";
import type { StudyDetail } from "@/lib/types";

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
