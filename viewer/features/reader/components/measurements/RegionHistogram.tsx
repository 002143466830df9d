import { useText } from "@/shared/hooks/useText";
import { decimal, glance, number, unitSymbol } from "@/shared/lib/format";
import type { RegionValues } from "@/cornerstone";
import { histogramOf, spreadOf } from "@/dicom/measurements/histogram";

const [widthPx, heightPx] = [240, 64];

/** How the values of a region are spread: bars, and the numbers that say so. */
export function RegionHistogram({ region: { values, unit, of }, name }: { region: RegionValues; name: string }) {
  const { viewing: t } = useText();
  const [histogram, spread] = [histogramOf(values), spreadOf(values)];
  if (!histogram || !spread) return null;
  const symbol = unit === "g/ml{SUVbw}" ? "SUV" : unitSymbol(unit);
  const most = Math.max(...histogram.counts);
  const bar = widthPx / histogram.counts.length;
  const shown = (value: number) => decimal(glance(value));
  const upper = histogram.lower + histogram.step * histogram.counts.length;
  const rows: [string, string][] = [
    [t.spread.pixels, number(spread.count)],
    [t.quantities.mean, shown(spread.mean)],
    [t.quantities.standard_deviation, shown(spread.standardDeviation)],
    [t.spread.median, shown(spread.median)],
    [t.spread.range, `${shown(spread.minimum)} … ${shown(spread.maximum)}`],
    [t.spread.percentiles, `${shown(spread.low)} … ${shown(spread.high)}`],
  ];
  return (
    <figure className="mt-1 rounded-md border border-line bg-raised p-2" data-testid="region-histogram">
      <svg
        viewBox={`0 0 ${widthPx} ${heightPx}`}
        role="img"
        aria-label={t.spread.histogramOf(name)}
        className="block w-full"
        preserveAspectRatio="none"
        height={heightPx}
      >
        {histogram.counts.map((count, index) => (
          <rect
            key={index}
            x={index * bar}
            width={Math.max(bar - 0.5, 0.5)}
            y={heightPx - (count / most) * heightPx}
            height={(count / most) * heightPx}
            className="fill-accent"
          >
            <title>{`${shown(histogram.lower + index * histogram.step)}: ${number(count)}`}</title>
          </rect>
        ))}
      </svg>
      <p className="flex justify-between text-xs text-dim">
        <span>{shown(histogram.lower)}</span>
        <span>{[of, symbol].filter(Boolean).join(" ")}</span>
        <span>{shown(upper)}</span>
      </p>
      <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 text-xs">
        {rows.map(([what, value]) => (
          <div key={what} className="contents">
            <dt className="text-dim">{what}</dt>
            <dd data-testid="spread-value" data-what={what}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
    </figure>
  );
}
