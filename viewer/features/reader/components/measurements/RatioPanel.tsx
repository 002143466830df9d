"use client";

import { useState } from "react";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";
import { summaryOf, type Measurement } from "@/dicom/measurements/measurement";
import { ratioOf, withSize } from "@/features/reader/lib/measurements/ratio";

/** One length over another, as of the heart over the thorax; areas, too. */
export function RatioPanel({ list, onInsert }: { list: readonly Measurement[]; onInsert: (above: Measurement, below: Measurement, ratio: number) => void }) {
  const { viewing: t } = useText();
  const sizes = withSize(list);
  const [chosen, setChosen] = useState<{ above: string; below: string }>({ above: "", below: "" });
  if (sizes.length < 2) return null;
  const find = (uid: string) => sizes.find(({ trackingUid }) => trackingUid === uid);
  // Until they are chosen, what was drawn before the last over the last.
  const above = find(chosen.above) ?? sizes[1];
  const below = find(chosen.below) ?? sizes[0];
  const ratio = ratioOf(above, below);
  const choice = (name: string, value: Measurement | undefined, set: (uid: string) => void) => (
    <select aria-label={name} className="control min-w-0 flex-1 px-1 py-0 text-xs" value={value?.trackingUid ?? ""} onChange={(event) => set(event.target.value)}>
      {sizes.map((one) => (
        <option key={one.trackingUid} value={one.trackingUid}>
          {`${one.label || t.kinds[one.kind]} ${summaryOf(one)}`}
        </option>
      ))}
    </select>
  );
  return (
    <details className="mt-2" data-testid="ratio">
      <summary className="rounded text-xs text-dim">{t.ratio.title}</summary>
      <div className="mt-1 flex items-center gap-1.5">
        {choice(t.ratio.above, above, (uid) => setChosen({ above: uid, below: below?.trackingUid ?? "" }))}
        <span aria-hidden="true">/</span>
        {choice(t.ratio.below, below, (uid) => setChosen({ above: above?.trackingUid ?? "", below: uid }))}
        <output data-testid="ratio-value" className="min-w-10 text-right font-medium">
          {ratio === null ? "–" : fixed(ratio, 2)}
        </output>
        <button
          type="button"
          className="control px-1.5 py-0 text-xs whitespace-nowrap"
          data-testid="ratio-to-report"
          disabled={ratio === null}
          onClick={() => above && below && ratio !== null && onInsert(above, below, ratio)}
        >
          {t.toReport}
        </button>
      </div>
      {ratio === null && <p className="mt-1 text-xs text-dim">{t.ratio.unlike}</p>}
    </details>
  );
}
