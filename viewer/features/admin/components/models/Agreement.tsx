"use client";

import { useState } from "react";
import { Scale } from "@/features/admin/components/models/ModelEvaluation";
import { Answer } from "@/shared/components/parts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { models } from "@/features/admin/lib/adminApi";
import { valueText } from "@/shared/lib/feedback";
import { findingValue } from "@/shared/lib/format";
import type { ModelAgreement } from "@/shared/api/types";

/** How far versions that ran in the shadow agree with the active one; asked for when opened. */
export function Agreement({ name }: { name: string }) {
  const { admin: t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-2 text-[0.8125rem]" data-testid="agreement" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="rounded text-dim" aria-label={`${t.agreement}: ${name}`}>
        {t.agreement}
      </summary>
      {open && <Versions name={name} />}
    </details>
  );
}

function Versions({ name }: { name: string }) {
  const { admin: t } = useText();
  const fetched = useFetched((signal) => models.agreement(name, signal), name);
  return (
    <Answer fetched={fetched}>
      {({ items }) =>
        items.length === 0 ? (
          <p className="mt-1 text-dim">{t.noShadow}</p>
        ) : (
          items.map((one) => <Version key={one.version} agreement={one} />)
        )
      }
    </Answer>
  );
}

function Version({ agreement: { version, runs, compared, waiting, failures, segments, measurements } }: { agreement: ModelAgreement }) {
  const { admin: t } = useText();
  return (
    <section className="mt-2">
      <h4 className="font-medium">
        {version} <span className="font-normal text-dim">{t.shadowRuns(runs, compared, waiting)}</span>
      </h4>
      {failures.length > 0 && (
        <ul className="text-warn" lang="en">
          {failures.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      {segments.length > 0 && (
        <table className="mt-1 w-full [&_td]:py-0.5 [&_td]:pr-2" aria-label={t.diceBySegment}>
          <thead className="text-xs text-dim">
            <tr>
              <th scope="col" className="w-40 text-left font-normal">
                {t.segment}
              </th>
              <th scope="col" className="w-14 text-right font-normal">
                {t.dice}
              </th>
              <th scope="col" className="w-14 text-right font-normal">
                {t.lowest}
              </th>
              <td aria-hidden="true" />
            </tr>
          </thead>
          <tbody>
            {segments.map((one) => (
              <tr key={one.label}>
                <th scope="row" className="truncate text-left font-normal" lang="en">
                  {one.label}
                </th>
                <td className="text-right">{findingValue(one.mean_dice, "")}</td>
                <td className="text-right">{findingValue(one.lowest_dice, "")}</td>
                <td className="pl-2">
                  <Scale value={one.mean_dice} atLeast={one.lowest_dice} atMost={null} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {measurements.length > 0 && (
        <table className="mt-1 w-full [&_td]:py-0.5 [&_td]:pr-2" aria-label={t.differences}>
          <thead className="text-xs text-dim">
            <tr>
              <th scope="col" className="w-40 text-left font-normal">
                {t.measurement}
              </th>
              <th scope="col" className="text-right font-normal">
                {t.activeMean}
              </th>
              <th scope="col" className="text-right font-normal">
                {t.meanDifference}
              </th>
              <th scope="col" className="text-right font-normal">
                {t.absoluteDifference}
              </th>
            </tr>
          </thead>
          <tbody>
            {measurements.map((one) => (
              <tr key={one.label}>
                <th scope="row" className="text-left font-normal" lang="en">
                  {one.label}
                </th>
                <td className="text-right">{valueText(one.mean_active, one.unit)}</td>
                <td className="text-right">{valueText(one.mean_difference, one.unit)}</td>
                <td className="text-right">{valueText(one.mean_absolute_difference, one.unit)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
