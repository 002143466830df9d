import { useText } from "@/shared/hooks/useText";
import { decimal, glance } from "@/shared/lib/format";
import type { Measurements } from "@/features/reader/hooks/measurements/useMeasurements";

/** The images that are calibrated by hand: gone to, or given back to what their headers say. */
export function CalibratedImages({ measurements: { calibrated, goTo, endCalibration } }: { measurements: Measurements }) {
  const { viewing: t } = useText();
  return calibrated.map((one) => (
    <p key={one.sopInstanceUid} className="mt-2 flex items-center gap-2 text-xs text-warn" data-testid="calibrated-by-hand">
      <button type="button" className="min-w-0 flex-1 rounded text-left hover:text-accent" onClick={() => goTo(one)}>
        {t.calibration.by(decimal(glance(one.handCalibration?.lengthMm ?? NaN)))}
      </button>
      <button type="button" className="control px-1.5 py-0" data-testid="end-calibration" onClick={() => endCalibration(one)}>
        {t.calibration.end}
      </button>
    </p>
  ));
}
