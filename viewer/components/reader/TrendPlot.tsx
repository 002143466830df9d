import { useText } from "@/hooks/useText";
import { valueText } from "@/lib/feedback";
import { dateText } from "@/lib/format";
import { plotted, type TrendPoint } from "@/lib/trend";

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
        <polyline
          points={plot.points.map(({ x, y }) => `${x},${y}`).join(" ")}
          fill="none"
          stroke="var(--color-accent)"
          strokeWidth={1.5}
        />
        {plot.points.map(({ x, y, point }) => (
          <circle
            key={point.studyInstanceUid}
            cx={x}
            cy={y}
            r={point.studyInstanceUid === now ? 4.5 : 3}
            fill={point.pipelineVersion === version ? "var(--color-accent)" : "var(--color-ground)"}
            stroke="var(--color-accent)"
            strokeWidth={1.5}
          />
        ))}
      </svg>
      <ol className="mt-1 space-y-0.5 text-xs">
        {[...points].reverse().map((point) => (
          <li key={point.studyInstanceUid} data-testid="trend-value" className="flex justify-between gap-3">
            {point.studyInstanceUid === now ? (
              <span className="font-medium">{dateText(point.date)}</span>
            ) : (
              <a className="text-accent hover:underline" href={`/study/?study=${point.studyInstanceUid}`}>
                {dateText(point.date)}
              </a>
            )}
            <span>
              {valueText(point.value, unit)}
              {point.pipelineVersion !== version && (
                <span className="ml-1 text-dim">{t.versionOf(point.pipelineVersion)}</span>
              )}
            </span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
