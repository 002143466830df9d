"use client";

import { NormalRange } from "@/features/reader/components/findings/NormalRange";
import { TrendPlot } from "@/features/reader/components/findings/TrendPlot";
import { useText } from "@/shared/hooks/useText";
import { isComparable, valueText } from "@/shared/lib/feedback";
import { findingValue, momentText } from "@/shared/lib/format";
import { changePercent, pointsOf, sameMeasure } from "@/features/reader/lib/findings/trend";
import type { Finding, StudyDetail, Trend } from "@/shared/api/types";

/** What a value means beside others: the normal range, the prior, all priors, other versions. */
export function FindingContext({
  finding,
  study,
  findings,
  trends,
}: {
  finding: Finding;
  study: StudyDetail;
  findings: readonly Finding[];
  /** null while it is being read. */
  trends: readonly Trend[] | null;
}) {
  const { reader: t } = useText();
  const { value, normal_range: range } = finding;
  if (value === null || !isComparable(finding)) return null;
  const unit = finding.unit?.value ?? "";
  const own = study.study_instance_uid;
  const points = trends ? pointsOf(finding, trends) : [];
  const { prior } = finding;
  const others = findings.filter(
    (one) =>
      one.value !== null &&
      isComparable(one) &&
      one.pipeline_version !== finding.pipeline_version &&
      one.source_series_instance_uid === finding.source_series_instance_uid &&
      sameMeasure(one, finding),
  );
  return (
    <div className="mt-1.5 space-y-1 text-[0.8125rem]">
      <dl className="space-y-1">
        <NormalRange finding={finding} />
        {prior && (
          <div data-testid="change">
            <dt className="inline text-dim">{t.sincePrior(momentText(prior.study_date, prior.study_time))} </dt>
            <dd className="inline">
              {prior.within_variation
                ? t.withinVariation(valueText(prior.value, unit), limitText(prior.variation_percent))
                : `${signed((prior.value_now ?? value) - prior.value, unit)} ${percentText(prior.change_percent)}`}
              {prior.relation && (
                <span className="block text-xs text-warn">
                  {prior.relation === "merged"
                    ? t.mergedFrom(prior.parts_before, valueText(prior.value, unit))
                    : t.splitInto(prior.parts_now, valueText(prior.value_now ?? value, unit))}
                </span>
              )}
              {prior.change_percent_per_year !== null && (
                <span className="text-dim"> {t.perYear(percentOnly(prior.change_percent_per_year))}</span>
              )}
              {prior.pipeline_version !== finding.pipeline_version && (
                <span className="block text-xs text-warn">{t.otherVersion(prior.pipeline_version)}</span>
              )}
            </dd>
          </div>
        )}
        {others.map((other) => (
          <div key={other.finding_id} data-testid="other-version">
            <dt className="inline text-dim">{t.versionOf(other.pipeline_version)} </dt>
            <dd className="inline">
              {valueText(other.value ?? 0, unit)} ({signed(value - (other.value ?? 0), unit)}{" "}
              {percentText(changePercent(value, other.value ?? 0))})
            </dd>
          </div>
        ))}
      </dl>
      {trends && points.length < 2 && !prior && <p className="text-xs text-dim">{t.noPrior}</p>}
      {points.length >= 2 && (
        <TrendPlot
          points={points}
          unit={unit}
          now={own}
          version={finding.pipeline_version}
          range={range && range.unit === unit ? range : null}
        />
      )}
    </div>
  );
}

function signed(difference: number, unit: string): string {
  return `${difference < 0 ? "−" : "+"}${valueText(Math.abs(difference), unit)}`;
}

function limitText(percent: number): string {
  return `${findingValue(percent, "")} %`;
}

function percentText(percent: number | null): string {
  return percent === null ? "" : `(${percentOnly(percent)})`;
}

function percentOnly(percent: number): string {
  return `${percent < 0 ? "−" : "+"}${findingValue(Math.abs(percent), "")} %`;
}
