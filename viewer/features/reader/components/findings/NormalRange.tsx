"use client";

import { useText } from "@/shared/hooks/useText";
import { valueText } from "@/shared/lib/feedback";
import { findingValue } from "@/shared/lib/format";
import { percentileText, type RangePlace } from "@/features/reader/lib/findings/trend";
import type { Finding } from "@/shared/api/types";

const colors: Record<RangePlace, string> = {
  below: "text-warn",
  within: "text-good",
  above: "text-warn",
};

/** Where a value lies among those of a reference population; or why nothing is stated. */
export function NormalRange({ finding }: { finding: Finding }) {
  const { reader: t } = useText();
  const { normal_range: range, normal_range_missing: missing } = finding;
  if (!range && !missing) return null;
  return (
    <div data-testid="normal-range">
      <dt className="inline text-dim">{t.normal} </dt>
      {range ? (
        <dd className="inline">
          {bound(range.low)}–{bound(range.high)} {valueText(0, range.unit).replace(/^\S+ ?/, "")}
          {range.percentile !== null && `, ${t.percentile(percentileText(range.percentile))}`}{" "}
          {range.place && <b className={`font-medium ${colors[range.place]}`}>{t.places[range.place]}</b>}
          <span className="block text-xs text-dim" lang="en">
            {[range.of_whom, range.source, range.caveat].filter(Boolean).join(". ")}
          </span>
        </dd>
      ) : (
        <dd className="inline text-dim">
          {t.noRange} <span lang="en">{missing}</span>
        </dd>
      )}
    </div>
  );
}

function bound(value: number | null): string {
  return value === null ? "…" : findingValue(value, "");
}
