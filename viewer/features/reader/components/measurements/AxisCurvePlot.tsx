import { scaleName, valueName, type CurvePoint } from "@/features/reader/lib/measurements/axisCurveTable";
import { extentOf } from "@/shared/lib/extent";
import { decimal, glance } from "@/shared/lib/format";

const [width, height, left, right, top, bottom] = [300, 160, 46, 10, 20, 30];

/** Distinct for those who see red and green alike, too (Okabe and Ito). */
export const curveColors = ["#56b4e9", "#e69f00", "#f0e442", "#cc79a7"] as const;

/** Curves at points of an image, with the step that is shown. */
export function AxisCurvePlot({ points, step }: { points: readonly CurvePoint[]; step: number | null }) {
  const [first] = points;
  if (!first) return null;
  const xs = extentOf(points.flatMap(({ scale }) => scale.values));
  const values = points.flatMap(({ curve }) => curve.values).filter(Number.isFinite);
  if (values.length === 0) return null;
  const ys = extentOf(values);
  const share = (value: number, [low, high]: [number, number]) => (high > low ? (value - low) / (high - low) : 0.5);
  const x = (value: number) => left + share(value, xs) * (width - left - right);
  const y = (value: number) => height - bottom - share(value, ys) * (height - top - bottom);
  const shown = step === null ? undefined : first.scale.values[step];
  return (
    <svg viewBox={`0 0 ${width} ${height}`} className="mt-2 w-full rounded bg-ground" aria-hidden="true" data-testid="axis-curve-plot">
      <g className="fill-dim stroke-line text-[10px]">
        <line x1={left} x2={width - right} y1={height - bottom} y2={height - bottom} />
        <line x1={left} x2={left} y1={top} y2={height - bottom} />
        {[...new Set(ys)].map((value) => (
          <text key={value} x={left - 4} y={y(value) + 3} textAnchor="end" stroke="none">
            {decimal(glance(value))}
          </text>
        ))}
        {[...new Set(xs)].map((value, at) => (
          <text key={value} x={x(value)} y={height - bottom + 12} textAnchor={at === 0 ? "start" : "end"} stroke="none">
            {decimal(glance(value))}
          </text>
        ))}
        <text x={(left + width) / 2} y={height - 4} textAnchor="middle" stroke="none">
          {scaleName(first.scale)}
        </text>
        <text x={left} y={10} stroke="none">
          {valueName(first.curve)}
        </text>
      </g>
      {shown !== undefined && (
        <line x1={x(shown)} x2={x(shown)} y1={top} y2={height - bottom} className="stroke-dim" strokeDasharray="3 3" />
      )}
      {points.map(({ scale, curve }, at) => {
        const places = curve.values.flatMap((value, index) =>
          Number.isFinite(value) ? [[x(scale.values[index] ?? 0), y(value)] as const] : [],
        );
        return (
          <g key={at} data-testid="axis-curve" fill={curveColors[at]} stroke={curveColors[at]}>
            <polyline points={places.map((place) => place.map((one) => one.toFixed(1)).join(",")).join(" ")} fill="none" strokeWidth={1.5} />
            {places.map(([cx, cy]) => (
              <circle key={cx} cx={cx} cy={cy} r={2} stroke="none" />
            ))}
          </g>
        );
      })}
    </svg>
  );
}
