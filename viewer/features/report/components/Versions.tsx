"use client";

import { useState } from "react";
import { Answer } from "@/shared/components/parts";
import { Disclosure } from "@/features/report/components/Disclosure";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import { reports } from "@/features/report/lib/reportApi";
import type { Report } from "@/shared/api/types";

/** Every version the report had, and what changed between two of them. */
export function Versions({ report }: { report: Report }) {
  const { report: t } = useText();
  return (
    <Disclosure title={t.versions(report.version)} testId="versions">
      <VersionList key={report.version} report={report} />
    </Disclosure>
  );
}

function VersionList({ report }: { report: Report }) {
  const { report: t } = useText();
  const fetched = useFetched((signal) => reports.versions(report.report_id, signal), report.report_id);
  const [from, setFrom] = useState(Math.max(1, report.version - 1));
  return (
    <Answer fetched={fetched}>
      {(versions) => (
        <>
          <ul className="mt-2 space-y-1 text-[0.8125rem]">
            {versions.map((one) => (
              <li key={one.version}>
                <label className="flex items-baseline gap-2">
                  <input
                    type="radio"
                    name="from-version"
                    className="accent-accent"
                    disabled={one.version === report.version}
                    checked={one.version === from}
                    onChange={() => setFrom(one.version)}
                  />
                  <span>
                    {one.version} · {t.states[one.state]} · {moment(one.changed_at)} ·{" "}
                    {one.changed_by || t.node}
                    {one.reason && <span className="block text-dim">{one.reason}</span>}
                  </span>
                </label>
              </li>
            ))}
          </ul>
          {report.version > 1 && <Diff key={from} report={report} from={from} />}
        </>
      )}
    </Answer>
  );
}

function Diff({ report, from }: { report: Report; from: number }) {
  const { report: t } = useText();
  const { report_id: id, version } = report;
  const fetched = useFetched((signal) => reports.diff(id, from, version, signal), `${from} ${version}`);
  return (
    <section className="mt-3" data-testid="diff" aria-label={t.changes(from, version)}>
      <h3 className="section-title mb-1">{t.changes(from, version)}</h3>
      <Answer fetched={fetched}>
        {({ sections }) => {
          const changed = sections.filter(({ lines }) => lines.some((line) => line.change !== "same"));
          if (changed.length === 0) return <p className="text-dim">{t.noChange}</p>;
          return changed.map((section) => (
            <div key={section.heading} className="mb-2 text-[0.8125rem]" lang={report.language}>
              <h4 className="font-medium">{section.heading}</h4>
              {section.lines.map((line, number) => (
                <p key={number} className={number > 0 ? "mt-0.5" : ""}>
                  {line.change === "added" && <ins className="bg-good/15 text-good no-underline">+ {line.text}</ins>}
                  {line.change === "removed" && <del className="bg-bad/10 text-bad">− {line.text}</del>}
                  {line.change === "same" && <span className="text-dim">{line.text}</span>}
                </p>
              ))}
            </div>
          ));
        }}
      </Answer>
    </section>
  );
}
