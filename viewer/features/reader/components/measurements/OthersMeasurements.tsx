"use client";

import { MeasuredCaveat } from "@/features/reader/components/measurements/MeasuredCaveat";
import type { Measurements } from "@/features/reader/hooks/measurements/useMeasurements";
import { useText } from "@/shared/hooks/useText";
import { measurementDragType } from "@/shared/lib/dragTypes";
import { caveatText, isTaken, summaryOf, type Measurement } from "@/dicom/measurements/measurement";

/** What other systems and pipelines measured: gone to, put into the report under their name, copied. */
export function OthersMeasurements({ measurements, onInsert }: { measurements: Measurements; onInsert: (one: Measurement) => void }) {
  const { viewing: t } = useText();
  const { list, others, othersShown, showOthers, takeOver, goTo } = measurements;
  if (others.length === 0) return null;
  return (
    <>
      <h3 className="section-title mt-3 mb-1">{t.ofOthers.title}</h3>
      <p className="text-xs text-dim">{t.ofOthers.hint}</p>
      <label className="flex items-center gap-2 py-1 text-xs">
        <input type="checkbox" checked={othersShown} data-testid="show-others" onChange={(event) => showOthers(event.target.checked)} />
        {t.ofOthers.show}
      </label>
      <ul className="space-y-1.5" data-testid="others-measurements">
        {others.map((one) => {
          const { madeBy } = one;
          if (!madeBy) return null;
          const kind = t.kinds[one.kind];
          const name = one.label || kind;
          const summary = summaryOf(one);
          const withCaveat = [summary, caveatText(one)].filter(Boolean).join("; ");
          const taken = isTaken(one, list);
          const isDoubtful = one.obstacle !== null || one.savedAs.length > 0;
          return (
            <li
              key={one.trackingUid}
              data-testid="others-measurement"
              data-kind={one.kind}
              draggable={one.obstacle === null}
              onDragStart={(event) => {
                event.dataTransfer.setData(measurementDragType, one.trackingUid);
                event.dataTransfer.effectAllowed = "copy";
              }}
            >
              <div className="flex items-center gap-2 text-xs">
                <button
                  type="button"
                  className={`min-w-0 flex-1 rounded text-left hover:text-accent ${isDoubtful ? "text-warn" : ""}`}
                  data-testid="measured-text"
                  aria-label={`${t.goToOf(name)}, ${withCaveat}`}
                  title={withCaveat}
                  onClick={() => goTo(one)}
                >
                  {[name, summary].filter(Boolean).join(": ")}
                </button>
                <button
                  type="button"
                  className="control px-1.5 py-0 text-xs whitespace-nowrap"
                  disabled={one.obstacle !== null}
                  aria-label={t.toReportOf(name)}
                  title={t.toReportOf(name)}
                  onClick={() => onInsert(one)}
                >
                  {t.toReport}
                </button>
                <button
                  type="button"
                  className="control px-1.5 py-0 text-xs whitespace-nowrap"
                  data-testid="take-over"
                  disabled={taken}
                  aria-label={taken ? undefined : t.ofOthers.takeOverOf(name)}
                  title={taken ? undefined : t.ofOthers.takeOverOf(name)}
                  onClick={() => takeOver(one)}
                >
                  {taken ? t.ofOthers.taken : t.ofOthers.takeOver}
                </button>
              </div>
              <MeasuredCaveat one={one} />
              <p className="text-xs text-dim" data-testid="maker">
                {[t.ofOthers.by(madeBy.maker), t.ofOthers.fromReport(madeBy.title, madeBy.sender)].join(", ")}
              </p>
            </li>
          );
        })}
      </ul>
    </>
  );
}
