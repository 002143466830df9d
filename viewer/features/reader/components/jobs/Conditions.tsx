"use client";

import { useEffect, useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import { explainRules } from "@/shared/api/api";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { reasonText } from "@/shared/lib/reasons";
import { explanationsFor } from "@/shared/lib/state";
import type { Condition, Explanation } from "@/shared/api/types";

/** The pipeline's own check and the site's rules, condition by condition, asked for when opened. */
export function Conditions({
  studyInstanceUid,
  pipeline,
  title,
  seriesInstanceUids,
  names,
}: {
  studyInstanceUid: string;
  pipeline: string;
  title: string;
  seriesInstanceUids: readonly string[];
  names: ReadonlyMap<string, string>;
}) {
  const { reader: t } = useText();
  const [open, setOpen] = useState(false);
  const [all, setAll] = useState<Explanation[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (!open) return;
    const controller = new AbortController();
    explainRules(studyInstanceUid, controller.signal).then(
      (found) => {
        setAll(found);
        setProblem(null);
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setProblem(asProblem(error));
      },
    );
    return () => controller.abort();
  }, [open, studyInstanceUid]);
  const found = explanationsFor(all ?? [], pipeline, seriesInstanceUids);
  return (
    <details className="text-xs" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="rounded text-dim" aria-label={t.conditionsOf(title)}>
        {t.conditions}
      </summary>
      {problem && <ProblemNote problem={problem} />}
      {all && found.length === 0 && <p className="text-dim">{t.notTried}</p>}
      {found.map((one) => (
        <div key={one.series_instance_uid} data-testid="conditions" className="mt-1">
          {found.length > 1 && <p className="text-dim">{names.get(one.series_instance_uid)}</p>}
          <ul className="space-y-0.5 pl-2">
            <Line holds={one.pipeline_accepts} text={reasonText(one.pipeline_reason, one.pipeline_reason_parts)} />
            {!one.ready && <Line holds={false} text={t.notReady} />}
            {one.rules.map((rule) => (
              <li key={rule.name}>
                <Mark holds={rule.holds} /> {t.ruleNamed(rule.name)}
                {rule.trace && (
                  <ul className="pl-4">
                    <Part condition={rule.trace} />
                  </ul>
                )}
              </li>
            ))}
            {one.rules.length === 0 && <li className="text-dim">{t.noRule}</li>}
          </ul>
        </div>
      ))}
    </details>
  );
}

function Mark({ holds }: { holds: boolean }) {
  const { reader: t } = useText();
  return (
    <span className={holds ? "text-good" : "text-bad"}>
      <span aria-hidden="true">{holds ? "✓" : "✗"}</span>
      <span className="sr-only">{holds ? t.holds : t.holdsNot}</span>
    </span>
  );
}

export function Line({ holds, text }: { holds: boolean; text: string }) {
  return (
    <li>
      <Mark holds={holds} /> {text}
    </li>
  );
}

export function Part({ condition }: { condition: Condition }) {
  const { reader: t } = useText();
  const { text, found, holds, parts = [] } = condition;
  return (
    <li>
      <Mark holds={holds} /> {text}
      {found && <span className="text-dim"> {t.foundValue(found)}</span>}
      {parts.length > 0 && (
        <ul className="pl-4">
          {parts.map((part, index) => (
            <Part key={`${part.text}${index}`} condition={part} />
          ))}
        </ul>
      )}
    </li>
  );
}
