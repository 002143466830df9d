import type { DoseHistogram } from "@/dicom/dose/histogram";
import { storedDoseOfShare, type StoredHistogram } from "@/dicom/dose/storedHistogram";
import type { Roi } from "@/dicom/segmentation/structureSet";
import { useText } from "@/shared/hooks/useText";
import { decimal } from "@/shared/lib/format";

const [width, height, left, bottom] = [720, 280, 44, 34];
/** Points of a curve; more would look the same. */
const mostPoints = 400;

/** A round step of the axis with at most eight marks. */
export function stepOf(most: number): number {
  const rough = most / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

/** Cumulative dose–volume histograms: dose to the right, share of the volume upwards. */
export function HistogramPlot({
  histograms,
  stored,
  unit,
  most,
  prescribed,
  prescriptionCount,
}: {
  histograms: readonly { roi: Roi; found: DoseHistogram }[];
  /** Those that the file of the dose holds, drawn dashed. */
  stored: readonly { roi: Roi; found: StoredHistogram }[];
  unit: string;
  most: number;
  prescribed: number | null;
  prescriptionCount: number;
}) {
  const { viewing: t } = useText();
  const storedEnds = stored.map(({ found }) => storedDoseOfShare(found, 1e-4) ?? 0);
  const end = Math.max(most, prescribed ?? 0, ...storedEnds) * 1.03 || 1;
  const x = (dose: number) => left + (dose / end) * (width - left - 8);
  const y = (share: number) => 8 + (1 - share) * (height - bottom - 8);
  const step = stepOf(end);
  const marks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  return (
    <svg viewBox={`0 0 ${width} ${height}`} className="w-full" role="img" aria-label={t.doses.histogram} data-testid="histogram-plot">
      <g className="fill-dim stroke-line text-[11px]" strokeWidth={1}>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line x1={left} x2={width - 8} y1={y(share)} y2={y(share)} />
            <text x={left - 6} y={y(share) + 4} textAnchor="end" stroke="none">
              {`${share * 100} %`}
            </text>
          </g>
        ))}
        {marks.map((dose) => (
          <g key={dose}>
            <line x1={x(dose)} x2={x(dose)} y1={y(1)} y2={y(0)} />
            <text x={x(dose)} y={height - bottom + 16} textAnchor="middle" stroke="none">
              {decimal(Number(dose.toPrecision(6)))}
            </text>
          </g>
        ))}
        <text x={(width + left) / 2} y={height - 4} textAnchor="middle" stroke="none">
          {unit ? `${t.doses.dose} (${unit})` : t.doses.dose}
        </text>
      </g>
      {prescribed !== null && (
        <line x1={x(prescribed)} x2={x(prescribed)} y1={y(1)} y2={y(0)} className="stroke-accent" strokeDasharray="4 4">
          <title>{t.doses.prescription(prescriptionCount)}</title>
        </line>
      )}
      {histograms.map(({ roi, found }, index) => (
        <path
          key={index}
          data-testid="histogram-curve"
          data-roi={roi.name}
          d={pathOf(found, x, y)}
          fill="none"
          stroke={`rgb(${roi.color.join(" ")})`}
          strokeWidth={2}
          strokeLinejoin="round"
        >
          <title>{roi.name}</title>
        </path>
      ))}
      {stored.map(({ roi, found }, index) => (
        <path
          key={index}
          data-testid="stored-curve"
          data-roi={roi.name}
          d={storedPath(found, x, y)}
          fill="none"
          stroke={`rgb(${roi.color.join(" ")})`}
          strokeWidth={1.5}
          strokeDasharray="6 4"
          strokeLinejoin="round"
        >
          <title>{`${roi.name}, ${t.doses.stored}`}</title>
        </path>
      ))}
    </svg>
  );
}

function storedPath({ doses, atLeast }: StoredHistogram, x: (dose: number) => number, y: (share: number) => number): string {
  const every = Math.max(1, Math.floor(doses.length / mostPoints));
  const points: string[] = [];
  for (const [bin, dose] of doses.entries()) {
    const share = atLeast[bin] ?? 0;
    if (bin % every === 0 || share === 0) points.push(`${x(dose).toFixed(1)} ${y(share).toFixed(1)}`);
    if (share === 0) break;
  }
  return `M${points.join("L")}`;
}

function pathOf({ atLeast, binWidth }: DoseHistogram, x: (dose: number) => number, y: (share: number) => number): string {
  const every = Math.max(1, Math.floor(atLeast.length / mostPoints));
  const points: string[] = [];
  for (let bin = 0; bin < atLeast.length; bin += every) {
    points.push(`${x(bin * binWidth).toFixed(1)} ${y(atLeast[bin] ?? 0).toFixed(1)}`);
  }
  return `M${points.join("L")}`;
}
