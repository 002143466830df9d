"use client";

import { useState } from "react";
import { ResultDialog } from "@/features/reader/components/ResultDialog";
import { useText } from "@/shared/hooks/useText";
import { number } from "@/shared/lib/format";
import type { SeriesSummary } from "@/shared/api/types";

/** Results and documents of the study: each opens. */
export function ResultList({
  studyInstanceUid,
  series,
  ofOthers,
  isAlone,
  onShowImage,
}: {
  studyInstanceUid: string;
  series: readonly SeriesSummary[];
  /** The series in which something names another patient than the study. */
  ofOthers: ReadonlySet<string>;
  /** Whether the study has nothing else: the only one opens by itself. */
  isAlone: boolean;
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
}) {
  const { common, viewing: t } = useText();
  const [open, setOpen] = useState<SeriesSummary | null>(() => (isAlone && series.length === 1 ? (series[0] ?? null) : null));
  if (series.length === 0) return null;
  return (
    <>
      <h2 className="section-title mt-5 mb-2 px-1">{t.others}</h2>
      <ul className="space-y-1 text-xs">
        {series.map((one) => (
          <li key={one.series_instance_uid}>
            <button
              type="button"
              data-testid="result-button"
              data-modality={one.modality}
              className="w-full rounded-md px-1 py-1 text-left hover:bg-raised"
              onClick={() => setOpen(one)}
            >
              <span className="text-ink [overflow-wrap:anywhere]">
                {one.modality} {one.series_description}
              </span>
              <span className="block text-dim">
                {common.instances(number(one.instance_count), one.instance_count === 1)}
                {one.origin === "generated" && `, ${t.madeHere}`}
              </span>
              {ofOthers.has(one.series_instance_uid) && (
                <span className="block text-warn">{t.otherPatient.named}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {open && (
        <ResultDialog
          studyInstanceUid={studyInstanceUid}
          series={open}
          onShowImage={onShowImage}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}
