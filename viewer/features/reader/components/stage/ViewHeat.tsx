import type { Matrix } from "@/cornerstone";
import type { DrawnHeat } from "@/features/reader/hooks/findings/useHeatMaps";
import { useText } from "@/shared/hooks/useText";

/** Heat maps over a stack's image, each where the model was shown what it hides. */
export function ViewHeat({ drawn, matrix, opacity }: { drawn: readonly DrawnHeat[]; matrix: Matrix; opacity: number }) {
  return (
    <svg className="pointer-events-none absolute inset-0 h-full w-full overflow-hidden" aria-hidden="true" data-testid="heat-map">
      <g transform={`matrix(${matrix.join(" ")})`}>
        {drawn.map(({ finding, picture }) => (
          <g key={finding.finding_id} transform={picture.transform} fill="rgb(255 0 0)" shapeRendering="crispEdges">
            {picture.bands.map(({ share, path }) => (
              <path key={share} data-testid="heat-band" d={path} fillOpacity={share * opacity} />
            ))}
            <path
              data-testid="heat-outline"
              d={picture.outline}
              fill="none"
              stroke="rgb(255 0 0)"
              strokeWidth={1.5}
              vectorEffect="non-scaling-stroke"
            />
          </g>
        ))}
      </g>
    </svg>
  );
}

/** Whose they are: above shutters, which cover all around an image. */
export function HeatMarks({ drawn }: { drawn: readonly DrawnHeat[] }) {
  const { viewing: t } = useText();
  return (
    <ul
      className="pointer-events-none absolute inset-x-0 top-7 text-center text-xs text-warn [text-shadow:0_0_3px_black,0_0_3px_black]"
      aria-hidden="true"
    >
      {drawn.map(({ finding }) => (
        <li key={finding.finding_id} data-testid="heat-mark">
          {t.heatMaps.mark(finding.label, finding.pipeline, finding.pipeline_version)}
        </li>
      ))}
    </ul>
  );
}
