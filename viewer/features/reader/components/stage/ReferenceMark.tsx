import type { Matrix } from "@/cornerstone";
import type { PlacedReference } from "@/dicom/measurements/referencePoint";
import { fixed } from "@/shared/lib/format";

const radius = 9;
/** Nearer than this it lies in the plane that is shown. */
export const withinMm = 0.5;

/** The reference point: a ring with a cross in its plane, dashed and with its distance beside it. */
export function ReferenceMark({ place: { column, row, offMm }, matrix: [a, b, c, d, e, f] }: { place: PlacedReference; matrix: Matrix }) {
  const [x, y] = [a * column + c * row + e, b * column + d * row + f];
  const isWithin = Math.abs(offMm) < withinMm;
  const shape = (
    <>
      <circle r={radius} strokeDasharray={isWithin ? undefined : "3 3"} />
      <path d={`M${-radius - 5} 0h${radius}M5 0h${radius}M0 ${-radius - 5}v${radius}M0 5v${radius}`} />
    </>
  );
  return (
    <svg
      aria-hidden="true"
      data-testid="reference-point"
      data-x={x}
      data-y={y}
      data-off-mm={offMm}
      className="pointer-events-none absolute inset-0 size-full overflow-hidden"
    >
      <g transform={`translate(${x} ${y})`} fill="none" strokeLinecap="round">
        <g stroke="#000" strokeWidth={4}>{shape}</g>
        <g className="stroke-accent" strokeWidth={1.6}>{shape}</g>
        {!isWithin && (
          <text x={radius + 8} y={-radius} className="fill-accent text-xs" stroke="#000" strokeWidth={2.5} style={{ paintOrder: "stroke" }}>
            {`${fixed(Math.abs(offMm), 1)} mm`}
          </text>
        )}
      </g>
    </svg>
  );
}
