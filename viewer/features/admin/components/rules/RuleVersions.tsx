"use client";

import { useState } from "react";
import { Answer, Grid } from "@/shared/components/parts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { rules } from "@/features/admin/lib/rulesApi";

const SHOWN = 50;

/** Who saved which version, when and why; one of them with what it changed. */
export function RuleVersions({ inForce, onTake }: { inForce: number; onTake?: (text: string) => void }) {
  const { siteRules: t, admin, common } = useText();
  const fetched = useFetched((signal) => rules.versions(SHOWN, 0, signal), String(inForce));
  const [shown, setShown] = useState(0);
  return (
    <div className="mt-6">
      <h2 className="mb-2 font-semibold">{t.versions}</h2>
      <Answer fetched={fetched}>
        {({ items }) => (
          <Grid
            label={t.versions}
            columns={[t.version, t.savedAt, t.author, t.comment, common.actions]}
            empty={items.length ? "" : t.noVersions}
          >
            {items.map((one) => (
              <tr key={one.number}>
                <td className="tabular-nums">
                  {one.number}
                  {one.number === inForce && <span className="ml-2 text-xs text-good">{t.inForce}</span>}
                </td>
                <td className="whitespace-nowrap">{new Date(one.saved_at).toLocaleString()}</td>
                <td>{one.author}</td>
                <td>{one.comment}</td>
                <td>
                  <button type="button" className="control px-2 py-0.5" onClick={() => setShown(one.number)}>
                    {t.show}
                  </button>
                </td>
              </tr>
            ))}
          </Grid>
        )}
      </Answer>
      {shown > 0 && <Version key={shown} number={shown} onTake={onTake} word={admin.rule} />}
    </div>
  );
}

function Version({ number, onTake, word }: { number: number; onTake?: (text: string) => void; word: string }) {
  const { siteRules: t } = useText();
  const fetched = useFetched((signal) => rules.version(number, signal));
  return (
    <section className="mt-3" aria-label={`${word} ${number}`} data-testid="rule-version">
      <Answer fetched={fetched}>
        {({ changes, text }) => (
          <>
            <pre className="max-h-80 overflow-auto rounded-md border border-line bg-panel p-3 font-mono text-xs">
              {changes || t.noDifference}
            </pre>
            {onTake && (
              <button type="button" className="control mt-2" onClick={() => onTake(text)}>
                {t.take(number)}
              </button>
            )}
          </>
        )}
      </Answer>
    </section>
  );
}
