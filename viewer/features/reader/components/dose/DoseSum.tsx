"use client";

import type { DoseState } from "@/features/reader/hooks/dose/useDose";
import type { Dose } from "@/features/reader/lib/dose/doses";
import { useText } from "@/shared/hooks/useText";

/** Which doses are added up, and what their sum is and is not. */
export function DoseSum({ dose, nameOf }: { dose: DoseState; nameOf: (one: Dose, index: number) => string }) {
  const { viewing: t } = useText();
  const { doses, parts, grid } = dose;
  const isSummed = (one: Dose) => parts.length > 1 && parts.includes(one);
  const named = doses.flatMap((one, index) => (isSummed(one) ? [nameOf(one, index)] : []));
  return (
    <details className="mt-2 text-xs" data-testid="dose-sum">
      <summary>{t.doses.addUp}</summary>
      <ul className="mt-1 space-y-1">
        {doses.map((one, index) => (
          <li key={one.sopInstanceUid}>
            <label className="flex items-center gap-1.5">
              <input
                type="checkbox"
                data-testid="dose-part"
                className="size-4 shrink-0 accent-accent"
                disabled={typeof one.header === "string"}
                checked={parts.includes(one)}
                onChange={(event) => {
                  const chosen = parts.filter((part) => part !== one).map(({ sopInstanceUid }) => sopInstanceUid);
                  dose.choose(event.target.checked ? [...chosen, one.sopInstanceUid] : chosen);
                }}
              />
              <span className="min-w-0 truncate" title={nameOf(one, index)}>
                {nameOf(one, index)}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {grid && parts.length > 1 && (
        <div className="mt-1 space-y-1" role="status" data-testid="sum-words">
          <p>{t.doses.sumIs(named, t.doses.kindNames[grid.kind], grid.unit)}</p>
          <p className="text-dim">{t.doses.sumMethod}</p>
          <p className="text-warn">{t.doses.sumCaveat}</p>
        </div>
      )}
    </details>
  );
}
