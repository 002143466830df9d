"use client";

import { useEffect } from "react";
import { Badge } from "@/shared/components/Badge";
import { Answer } from "@/shared/components/parts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { metricsText } from "@/features/admin/lib/adminApi";
import { getHealth } from "@/shared/api/api";
import { bytes, number } from "@/shared/lib/format";
import { detailText, languageOf } from "@/shared/lib/reasons";
import { samples, total, type Sample } from "@/features/admin/lib/metrics";

const everyMs = 10_000;

/** Whether each part works, and the numbers that matter most, asked again every ten seconds. */
export function NodeHealth() {
  const { admin: t } = useText();
  const health = useFetched(getHealth);
  const metrics = useFetched(async (signal) => samples(await metricsText(signal)));
  const { reload: again } = health;
  const { reload: measured } = metrics;
  useEffect(() => {
    const timer = setInterval(() => {
      again();
      measured();
    }, everyMs);
    return () => clearInterval(timer);
  }, [again, measured]);
  return (
    <>
      <Answer fetched={health}>
        {({ parts, version, status }) => (
          <>
            <p className="mb-3">
              <Badge word={status === "ok" ? t.allWell : t.notAllWell} tone={status === "ok" ? "good" : "warn"} />
              <span className="ml-2 text-dim">MediViewAI {version}</span>
            </p>
            <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
              {Object.entries(parts).map(([name, part]) => (
                <li
                  key={name}
                  data-testid="health-part"
                  data-ok={part.ok}
                  className="rounded-lg border border-line bg-panel p-3"
                >
                  <div className="flex items-center justify-between">
                    <span className="font-medium">{t.healthParts[name] ?? name}</span>
                    <Badge word={part.ok ? t.works : t.worksNot} tone={part.ok ? "good" : "bad"} />
                  </div>
                  {part.detail && (
                    <p className="mt-1 text-dim" lang={languageOf(detailText(part), part.detail)}>
                      {detailText(part)}
                    </p>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </Answer>
      <h2 className="mt-6 mb-2 font-semibold">{t.numbers}</h2>
      <Answer fetched={metrics}>{(all) => <Numbers all={all} />}</Answer>
    </>
  );
}

function Numbers({ all }: { all: readonly Sample[] }) {
  const { admin: t, states } = useText();
  const free = total(all, "mediview_disk_free_bytes");
  const asked = total(all, "mediview_http_requests_total");
  const received = total(all, "mediview_dimse_instances_total", { operation: "C-STORE" });
  const shown: [string, string | null][] = [
    [t.metricStudies, text(total(all, "mediview_studies"))],
    [t.metricWaiting, text(total(all, "mediview_jobs", { state: "scheduled" }))],
    [t.metricRunning, text(total(all, "mediview_jobs", { state: "in_progress" }))],
    [`${t.metricJobs}: ${states.job.completed}`, text(total(all, "mediview_jobs", { state: "completed" }))],
    [`${t.metricJobs}: ${states.job.failed}`, text(total(all, "mediview_jobs", { state: "failed" }))],
    [t.metricDeliveries, text(total(all, "mediview_deliveries_due"))],
    [t.metricReceived, text(received)],
    [t.metricRequests, text(asked)],
    [t.metricDisk, free === null ? null : bytes(free)],
  ];
  return (
    <dl className="grid gap-3 sm:grid-cols-3 xl:grid-cols-5">
      {shown.map(([label, value]) =>
        value === null ? null : (
          <div key={label} className="rounded-lg border border-line bg-panel p-3">
            <dt className="text-xs text-dim">{label}</dt>
            <dd className="mt-1 text-xl font-semibold">{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function text(value: number | null): string | null {
  return value === null ? null : number(value);
}
