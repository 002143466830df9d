import { useText } from "@/shared/hooks/useText";
import { valueText } from "@/shared/lib/feedback";
import { momentText } from "@/shared/lib/format";
import { percentileText, plotted, runsOf, type TrendPoint } from "@/features/reader/lib/findings/trend";

const size = { width: 300, height: 84, margin: 10 };

/** A measure over the patient's studies; the normal range lies behind it, the list of values below. */
export function TrendPlot({
  points,
  unit,
  now,
  version,
  range,
}: {
  points: readonly TrendPoint[];
  unit: string;
  /** The study that is open. */
  now: string;
  /** Of the finding; points of another version are hollow. */
  version: string;
  range: { low: number | null; high: number | null } | null;
}) {
  const { reader: t } = useText();
  const plot = plotted(points, size, range);
  const top = plot.yOf(range?.high ?? Number.NaN);
  const bottom = plot.yOf(range?.low ?? Number.NaN);
  const banded = Number.isFinite(top) && Number.isFinite(bottom);
  return (
    <figure data-testid="trend" className="mt-2">
      <figcaption className="text-xs text-dim">{t.trend}</figcaption>
      <svg viewBox={`0 0 ${size.width} ${size.height}`} className="mt-1 w-full rounded bg-ground" aria-hidden="true">
        {banded && <rect x={0} width={size.width} y={top} height={bottom - top} fill="var(--color-good)" opacity={0.12} />}
        {runsOf(plot.points).map((run) => (
          <polyline
            key={run[0]?.point.finding_id}
            points={run.map(({ x, y }) => `${x},${y}`).join(" ")}
            fill="none"
            stroke="var(--color-accent)"
            strokeWidth={1.5}
          />
        ))}
        {plot.points.map(({ x, y, point }) => (
          <circle
            key={point.study_instance_uid}
            cx={x}
            cy={y}
            r={point.study_instance_uid === now ? 4.5 : 3}
            fill={point.pipeline_version === version ? "var(--color-accent)" : "var(--color-ground)"}
            stroke="var(--color-accent)"
            strokeWidth={1.5}
          />
        ))}
      </svg>
      <ol className="mt-1 space-y-0.5 text-xs">
        {[...points].reverse().map((point) => (
          <li key={point.study_instance_uid} data-testid="trend-value" className="flex justify-between gap-3">
            {point.study_instance_uid === now ? (
              <span className="font-medium">{momentText(point.study_date, point.study_time)}</span>
            ) : (
              <a className="text-accent hover:underline" href={`/study/?study=${point.study_instance_uid}`}>
                {momentText(point.study_date, point.study_time)}
              </a>
            )}
            <span>
              {valueText(point.value, unit)}
              {point.percentile !== null && (
                <span className="ml-1 text-dim">{t.percentile(percentileText(point.percentile))}</span>
              )}
              {point.is_joined && <span className="ml-1 text-warn">{t.otherParts}</span>}
              {point.not_compared && (
                <span className="ml-1 text-warn" title={point.not_compared}>
                  {t.otherAcquisition}
                </span>
              )}
              {point.caveats.length > 0 && (
                <span className="ml-1 text-warn" title={point.caveats.join(" ")}>
                  <span aria-hidden="true">⚠</span>
                  <span className="sr-only">{t.hasCaveat}</span>
                </span>
              )}
              {point.is_corrected && <span className="ml-1 text-dim">{t.feedbackKinds.CORRECTED}</span>}
              {point.pipeline_version !== version && (
                <span className="ml-1 text-dim">{t.versionOf(point.pipeline_version)}</span>
              )}
            </span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
