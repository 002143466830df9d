"use client";

import { useState } from "react";
import { Menu } from "@/shared/components/Menu";
import { useText } from "@/shared/hooks/useText";
import { isForReport } from "@/shared/lib/dragTypes";
import type { Insertable, NewSentence } from "@/features/report/lib/reportText";

/** Puts a sentence at the end of a section: a written one, a measurement's, or what is dropped here. */
export function AddSentence({
  heading,
  measurements,
  language,
  canChange,
  onWrite,
  onPut,
  onDrop,
}: {
  heading: string;
  measurements: readonly Insertable[];
  /** Of the report. */
  language: string;
  canChange: boolean;
  onWrite: () => void;
  onPut: (one: NewSentence) => void;
  onDrop: (data: DataTransfer) => void;
}) {
  const { report: t } = useText();
  const [over, setOver] = useState(false);
  return (
    <div
      role="group"
      aria-label={t.table.addTo(heading)}
      data-testid="add-to-section"
      className={`mt-0.5 flex flex-wrap items-center gap-2 border-t py-1 text-xs ${over ? "border-accent" : "border-line"}`}
      onDragOver={(event) => {
        if (!canChange || !isForReport(event.dataTransfer.types)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!canChange || !isForReport(event.dataTransfer.types)) return;
        event.preventDefault();
        setOver(false);
        onDrop(event.dataTransfer);
      }}
    >
      <button type="button" className="control px-2 py-0" disabled={!canChange} onClick={onWrite}>
        {t.table.add}
      </button>
      {measurements.length > 0 && canChange && (
        <Menu label={t.table.addMeasurement} testId="add-measurement">
          <ul className="max-h-60 space-y-1 overflow-y-auto">
            {measurements.map((one) => (
              <li key={one.key}>
                <button
                  type="button"
                  className="control w-full px-2 py-0.5 text-left whitespace-nowrap"
                  onClick={(event) => {
                    event.currentTarget.closest("details")?.removeAttribute("open");
                    onPut(one.sentence(language));
                  }}
                >
                  {one.name}
                </button>
              </li>
            ))}
          </ul>
        </Menu>
      )}
    </div>
  );
}
