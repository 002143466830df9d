import { useText } from "@/shared/hooks/useText";
import { findingValue, unitSymbol } from "@/shared/lib/format";
import { curveLine } from "@/features/reader/lib/curve";
import type { Finding } from "@/shared/api/types";

const size = { width: 300, height: 84, margin: 10 };
type Curve = NonNullable<Finding["curve"]>;

/** The curve that a value was read from; its points lie below it as a table for who cannot see it. */
export function CurvePlot({ curve }: { curve: Curve }) {
  const { reader: t } = useText();
  const { x, y, points } = curve;
  return (
    <figure data-testid="curve" className="mt-2">
      <figcaption className="text-xs text-dim">
        {t.curve(withUnit(y.label, y.unit.value), withUnit(x.label, x.unit.value))}
      </figcaption>
      <svg viewBox={`0 0 ${size.width} ${size.height}`} className="mt-1 w-full rounded bg-ground" aria-hidden="true">
        <polyline points={curveLine(points, size)} fill="none" stroke="var(--color-accent)" strokeWidth={1.5} />
      </svg>
      <details className="mt-1 text-xs">
        <summary>{t.curvePoints(points.length)}</summary>
        <ol className="mt-1 max-h-40 overflow-y-auto">
          {points.map(([at, value]) => (
            <li key={at} className="flex justify-between gap-3">
              <span>{findingValue(at, x.unit.value)}</span>
              <span>{findingValue(value, y.unit.value)}</span>
            </li>
          ))}
        </ol>
      </details>
    </figure>
  );
}

function withUnit(label: string, unit: string): string {
  const symbol = unitSymbol(unit);
  return symbol ? `${label} (${symbol})` : label;
}
