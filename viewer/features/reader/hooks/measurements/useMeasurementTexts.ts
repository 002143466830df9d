"use client";

import { useCallback, useMemo, useState } from "react";
import type { Measurements } from "@/features/reader/hooks/measurements/useMeasurements";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { placeOf } from "@/features/reader/lib/measurements/measuredPlace";
import { measurementSentence, ratioSentence } from "@/features/reader/lib/measurements/measurementSentence";
import { clipboardTable, measurementTable } from "@/features/reader/lib/measurements/measurementTable";
import type { Insertable, Insertion } from "@/features/report/lib/reportText";
import { findingSentence } from "@/features/report/lib/sentenceTable";
import { useText } from "@/shared/hooks/useText";
import { saveFile } from "@/shared/lib/saveFile";
import { summaryOf, type Measurement } from "@/dicom/measurements/measurement";
import type { Finding } from "@/shared/api/types";

export interface MeasurementTexts {
  /** What was put into the report from beside it, the newest last. */
  insertions: readonly Insertion[];
  /** What was measured, as sentences to be put in at a place. */
  insertable: readonly Insertable[];
  putMeasurement: (one: Measurement) => void;
  putFinding: (finding: Finding) => void;
  /** All measurements as a file of a spreadsheet. */
  download: () => void;
  /** The same, for the clipboard. */
  table: () => string;
  putRatio: (above: Measurement, below: Measurement, ratio: number) => void;
}

/** What was measured and found, as text: sentences for the report, and tables. */
export function useMeasurementTexts(
  { list: own, others }: Pick<Measurements, "list" | "others">,
  studyInstanceUid: string,
  reader: Pick<ReaderState, "opened" | "studies">,
): MeasurementTexts {
  const { viewing: t } = useText();
  const [insertions, setInsertions] = useState<readonly Insertion[]>([]);
  const { opened, studies } = reader;
  // In a sentence and in a row of a table each names its maker, but for the reader's own.
  const list = useMemo(() => [...own, ...others], [own, others]);
  const where = useCallback((one: Measurement) => placeOf(one, { opened, studies }), [opened, studies]);
  const put = useCallback((next: Insertion) => setInsertions((all) => [...all, next]), []);
  const sentenceOf = useCallback(
    (one: Measurement): Insertion => {
      const place = where(one);
      return (language) => ({ text: measurementSentence(one, place, language), finding_ids: [] });
    },
    [where],
  );
  const insertable = useMemo(
    () =>
      list
        .filter(({ obstacle }) => obstacle === null)
        .map((one) => ({
          key: one.trackingUid,
          name: [one.label || t.kinds[one.kind], summaryOf(one), one.madeBy && t.ofOthers.by(one.madeBy.maker)].filter(Boolean).join(": "),
          sentence: sentenceOf(one),
        })),
    [list, sentenceOf, t],
  );
  return {
    insertions,
    insertable,
    putRatio: (above, below, ratio) => {
      const [one, other] = [[above, where(above)] as const, [below, where(below)] as const];
      put((language) => ({ text: ratioSentence(one, other, ratio, language), finding_ids: [] }));
    },
    table: () => clipboardTable(list, where),
    putMeasurement: (one) => put(sentenceOf(one)),
    putFinding: (finding) => put((language) => findingSentence(finding, language)),
    download: () => {
      const table = measurementTable(list, where);
      // Spreadsheets take UTF-8 for such by its mark alone.
      saveFile(new Blob(["\ufeff", table], { type: "text/csv;charset=utf-8" }), `measurements-${studyInstanceUid}.csv`);
    },
  };
}
