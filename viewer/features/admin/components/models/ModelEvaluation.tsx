import { useText } from "@/shared/hooks/useText";
import { findingValue, moment } from "@/shared/lib/format";
import type { Model } from "@/shared/api/types";

const counts = new Set(["cases", "failures"]);

/** What the last evaluation measured, each metric beside what the gate of the card asks. */
export function ModelEvaluation({ model: { evaluation, gate } }: { model: Model }) {
  const { admin: t } = useText();
  if (!evaluation) return null;
  const { metrics, segments, labels } = evaluation;
  const names = Object.keys(metrics).filter((name) => !counts.has(name));
  return (
    <section className="mt-3" data-testid="evaluation">
      <h3 className="section-title">
        {t.evaluated(moment(evaluation.evaluated_at), metrics.cases ?? 0, metrics.failures ?? 0)}
      </h3>
      <table className="mt-1 w-full text-[0.8125rem] [&_td]:py-0.5 [&_td]:pr-2" aria-label={t.evaluation}>
        <tbody>
          {names.map((name) => {
            const asked = gate.find((one) => one.metric === name);
            const value = metrics[name] ?? 0;
            return (
              <tr key={name}>
                <th scope="row" className="w-40 text-left font-normal text-dim">
                  {name.replaceAll("_", " ")}
                </th>
                <td className="w-16 text-right">{findingValue(value, "")}</td>
                <td>
                  <Scale value={value} atLeast={asked?.at_least ?? null} atMost={asked?.at_most ?? null} />
                </td>
                <td className="text-xs whitespace-nowrap text-dim">
                  {asked && [asked.at_least !== null && `≥ ${asked.at_least}`, asked.at_most !== null && `≤ ${asked.at_most}`].filter(Boolean).join(" ")}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {Object.keys(segments).length > 1 && (
        <ul className="mt-1 space-y-0.5 text-[0.8125rem]" aria-label={t.diceBySegment}>
          {Object.entries(segments).map(([label, of]) => (
            <li key={label} className="grid grid-cols-[10rem_4rem_1fr] items-center">
              <span className="truncate" lang="en">
                {label}
              </span>
              <span className="pr-2 text-right">{of.dice === undefined ? "–" : findingValue(of.dice, "")}</span>
              {of.dice !== undefined && <Scale value={of.dice} atLeast={null} atMost={null} />}
            </li>
          ))}
        </ul>
      )}
      {Object.keys(labels).length > 0 && (
        <ul className="mt-1 space-y-0.5 text-[0.8125rem]" aria-label={t.aucByLabel}>
          {Object.entries(labels).map(([label, of]) => (
            <li key={label} className="grid grid-cols-[10rem_4rem_1fr] items-center">
              <span className="truncate" lang="en">
                {label}
              </span>
              <span className="pr-2 text-right">{of.auc === undefined ? "–" : findingValue(of.auc, "")}</span>
              {of.auc_lower !== undefined && of.auc_upper !== undefined && (
                <span className="text-xs text-dim">{t.interval95(findingValue(of.auc_lower, ""), findingValue(of.auc_upper, ""))}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** A bar as long as the value, with a mark where the threshold lies: to 1, or to what is larger. */
export function Scale({ value, atLeast, atMost }: { value: number; atLeast: number | null; atMost: number | null }) {
  const end = Math.max(1, Math.abs(value), atLeast ?? 0, atMost ?? 0);
  const threshold = atLeast ?? atMost;
  const reached = (atLeast === null || value >= atLeast) && (atMost === null || value <= atMost);
  const part = (of: number) => (100 * Math.max(0, Math.abs(of))) / end;
  return (
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" className="h-2 w-full min-w-16" aria-hidden="true">
      <rect width={100} height={8} rx={1} fill="var(--color-line)" />
      <rect width={part(value)} height={8} rx={1} fill={reached ? "var(--color-accent)" : "var(--color-bad)"} />
      {threshold !== null && <rect x={part(threshold) - 0.5} width={1} height={8} fill="var(--color-ink)" />}
    </svg>
  );
}
