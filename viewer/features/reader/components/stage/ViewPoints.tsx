import type { Matrix } from "@/cornerstone";
import { curveColors } from "@/features/reader/components/measurements/AxisCurvePlot";
import type { PlacedPoint } from "@/features/reader/hooks/measurements/useAxisCurve";

const arm = 7;

/** The points of curves over a stack's image, as crosses that are as large at every zoom. */
export function ViewPoints({ points, matrix }: { points: readonly PlacedPoint[]; matrix: Matrix }) {
  const [a, b, c, d, e, f] = matrix;
  return (
    <svg className="pointer-events-none absolute inset-0 h-full w-full overflow-hidden" aria-hidden="true">
      {points.map(({ number, column, row }) => {
        const [u, v] = [column + 0.5, row + 0.5];
        const [x, y] = [a * u + c * v + e, b * u + d * v + f];
        return (
          <g key={number} data-testid="curve-point" data-x={x} data-y={y} stroke={curveColors[number - 1]} strokeWidth={1.5}>
            <path d={`M${x - arm} ${y}h${arm - 2}m4 0h${arm - 2}M${x} ${y - arm}v${arm - 2}m0 4v${arm - 2}`} fill="none" />
          </g>
        );
      })}
    </svg>
  );
}
