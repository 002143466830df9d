"use client";

import Link from "next/link";
import { Answer } from "@/shared/components/parts";
import { Disclosure } from "@/features/report/components/Disclosure";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { similarReports } from "@/features/language/lib/askApi";
import { dateText } from "@/shared/lib/format";
import type { Report } from "@/shared/api/types";

/** What was written of other studies and means the like, asked for when it is opened. */
export function SimilarReports({ report }: { report: Report }) {
  const { report: t } = useText();
  return (
    <Disclosure title={t.similar} testId="similar">
      <SimilarList key={report.version} report={report} />
    </Disclosure>
  );
}

function SimilarList({ report }: { report: Report }) {
  const { report: t } = useText();
  const fetched = useFetched((signal) => similarReports(report.report_id, signal), report.report_id);
  return (
    <Answer fetched={fetched}>
      {(found) =>
        found.length === 0 ? (
          <p className="mt-2 text-[0.8125rem] text-dim">{t.noSimilar}</p>
        ) : (
          <ul className="mt-2 space-y-2.5 text-[0.8125rem]">
            {found.map((one) => (
              <li key={one.report_id} data-testid="similar-report">
                <p className="flex flex-wrap items-baseline gap-x-2 text-xs text-dim">
                  <Link
                    prefetch={false}
                    className="text-accent underline"
                    href={`/study/?study=${one.study_instance_uid}`}
                  >
                    {dateText(one.study_date) || t.undated}
                  </Link>
                  {one.same_patient && <span className="text-good">{t.samePatient}</span>}
                  <span className="ml-auto">{t.alike(Math.round(one.score * 100))}</span>
                </p>
                <p className="line-clamp-4" title={one.text}>
                  {one.text}
                </p>
              </li>
            ))}
          </ul>
        )
      }
    </Answer>
  );
}
