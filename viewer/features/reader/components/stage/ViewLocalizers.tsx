import type { Matrix } from "@/cornerstone";
import type { FrameLocation } from "@/dicom/localizer";

/** Where tomograms were taken, over a photograph: an arrow at the end of their last column. */
export function ViewLocalizers({ locations, matrix: [a, b, c, d, e, f] }: { locations: readonly FrameLocation[]; matrix: Matrix }) {
  if (locations.length === 0) return null;
  return (
    <svg className="pointer-events-none absolute inset-0 h-full w-full overflow-hidden" aria-hidden="true">
      {locations.map(({ points, isClosed }, index) => {
        const places = points.map(([u, v]) => `${(a * u + c * v + e).toFixed(2)} ${(b * u + d * v + f).toFixed(2)}`);
        return (
          <g key={index} className="stroke-accent" fill="none" strokeWidth={1.5}>
            <path data-testid="localizer" d={`M${places.join("L")}${isClosed ? "Z" : ""}`} />
            {!isClosed && <path d={`M${places.slice(-2).join("L")}`} markerEnd="url(#localizer-end)" />}
          </g>
        );
      })}
      <defs>
        <marker id="localizer-end" viewBox="0 0 8 8" refX={7} refY={4} markerWidth={6} markerHeight={6} orient="auto">
          <path d="M0 0L8 4L0 8Z" className="fill-accent" />
        </marker>
      </defs>
    </svg>
  );
}
