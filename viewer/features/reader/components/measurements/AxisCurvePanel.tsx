"use client";

import { AxisCurvePlot, curveColors } from "@/features/reader/components/measurements/AxisCurvePlot";
import { Section } from "@/features/reader/components/Section";
import { mostCurves, type AxisCurveState } from "@/features/reader/hooks/measurements/useAxisCurve";
import { axisCurveTable, scaleName, valueName, type CurvePoint } from "@/features/reader/lib/measurements/axisCurveTable";
import type { LoadedSeries } from "@/cornerstone";
import type { Slice } from "@/dicom/geometry";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import { decimal, glance } from "@/shared/lib/format";
import { saveFile } from "@/shared/lib/saveFile";

/** Values at a point over time, b-values or echoes: as curves, as a table, and as CSV. */
export function AxisCurvePanel({ curves, slice, series }: { curves: AxisCurveState; slice: Slice | null; series: LoadedSeries | null }) {
  const { viewing } = useText();
  const { axisCurve: t } = viewing;
  const { isPossible, picking, setPicking, points, busy, problem, addInMiddle, clear } = curves;
  if (!isPossible || !series?.order.axis) return null;
  const index = slice ? series.order.slices.indexOf(slice) : -1;
  const step = index < 0 ? null : index % series.order.axis.steps;
  const download = () =>
    saveFile(new Blob(["\ufeff", axisCurveTable(points)], { type: "text/csv;charset=utf-8" }), `curve-${series.seriesInstanceUid}.csv`);
  return (
    <Section title={t.title}>
      <div className="flex flex-wrap gap-2">
        <button type="button" className="control" data-testid="pick-curve" aria-pressed={picking} onClick={() => setPicking(!picking)}>
          {t.pick}
        </button>
        <button type="button" className="control" data-testid="curve-in-middle" onClick={addInMiddle}>
          {t.inMiddle}
        </button>
        {points.length > 0 && (
          <>
            <button type="button" className="control" data-testid="curve-csv" title={t.csvHint} onClick={download}>
              {viewing.csv}
            </button>
            <button type="button" className="control" onClick={clear}>
              {t.clear}
            </button>
          </>
        )}
      </div>
      <p className="mt-1 text-xs text-dim" role="status">
        {busy ? viewing.loading : picking ? t.hint(mostCurves) : ""}
      </p>
      {problem && <ProblemNote problem={problem} />}
      <AxisCurvePlot points={points} step={step} />
      {points.map((point, at) => (
        <PointTable key={at} point={point} number={at + 1} />
      ))}
    </Section>
  );
}

function PointTable({ point, number }: { point: CurvePoint; number: number }) {
  const { viewing } = useText();
  const { axisCurve: t } = viewing;
  const { scale, curve, column, row, placeNumber } = point;
  return (
    <details className="mt-1 text-xs" data-testid="axis-curve-point" data-column={column} data-row={row}>
      <summary>
        <span aria-hidden="true" className="mr-1.5 inline-block size-2.5 rounded-full" style={{ background: curveColors[number - 1] }} />
        {t.point(number, column, row, placeNumber)}
      </summary>
      {curve.values.every(Number.isNaN) ? (
        <p className="mt-1 text-warn">{t.noValues}</p>
      ) : (
        <table className="mt-1 w-full text-right tabular-nums">
          <thead className="text-dim">
            <tr>
              <th scope="col" className="font-medium">{scaleName(scale)}</th>
              <th scope="col" className="font-medium">{valueName(curve)}</th>
            </tr>
          </thead>
          <tbody>
            {curve.values.map((value, step) => (
              <tr key={step} data-testid="axis-curve-value" data-at={scale.values[step]} data-value={value}>
                <td>{decimal(glance(scale.values[step] ?? NaN))}</td>
                <td>{Number.isFinite(value) ? decimal(glance(value)) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="mt-1 text-dim">{t.source(scale.source)}</p>
    </details>
  );
}
