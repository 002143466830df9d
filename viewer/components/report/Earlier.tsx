"use client";

import { useState } from "react";
import { Answer } from "@/components/admin/parts";
import { Answered } from "@/components/report/Answered";
import { useAsked } from "@/hooks/useAsked";
import { useText } from "@/hooks/useText";
import { summarizeReports } from "@/lib/askApi";
import type { StudyDetail } from "@/lib/types";

/** What the reports of the patient's other studies say, in short, asked for when it is opened. */
export function Earlier({ priors }: { priors: readonly StudyDetail[] }) {
  const { report: t } = useText();
  const [open, setOpen] = useState(false);
  const newest = priors.flatMap(({ reports }) => reports.at(-1) ?? []);
  if (newest.length === 0) return null;
  return (
    <details
      className="border-t border-line pt-3"
      data-testid="earlier"
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="rounded text-dim">{t.earlier(newest.length)}</summary>
      {open && <InShort reportIds={newest.map((one) => one.report_id)} />}
    </details>
  );
}

function InShort({ reportIds }: { reportIds: string[] }) {
  const asked = useAsked((signal) => summarizeReports(reportIds, signal), reportIds.join());
  return (
    <div className="mt-2" aria-live="polite">
      <Answer asked={asked}>
        {(answer) => <Answered answer={answer} findings={[]} onShow={() => undefined} />}
      </Answer>
    </div>
  );
}
