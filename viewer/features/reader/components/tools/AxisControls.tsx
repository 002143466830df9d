import type { ReaderState } from "@/features/reader/hooks/useReader";
import { useActiveSlice } from "@/features/reader/hooks/stage/useActiveSlice";
import { useText } from "@/shared/hooks/useText";
import { decimal } from "@/shared/lib/format";
import type { SecondAxis } from "@/dicom/secondAxis";

/** The second axis of the active series: which time, b-value or echo is shown, and a slider along it. */
export function AxisControls({ reader, axis }: { reader: ReaderState; axis: SecondAxis }) {
  const { viewing: t } = useText();
  const slice = useActiveSlice(reader);
  const index = slice ? (reader.series?.order.slices.indexOf(slice) ?? 0) : 0;
  const step = index % axis.steps;
  const value = axis.values[index];
  const name = t.axis.kinds[axis.kind];
  return (
    <label className="flex items-center gap-1.5 text-xs" title={`${t.axis.hint} (←, →)`}>
      {name}
      <input
        type="range"
        min={1}
        max={axis.steps}
        value={step + 1}
        aria-label={name}
        data-testid="axis"
        data-kind={axis.kind}
        className="w-28 accent-accent"
        onChange={(event) => reader.scene?.navigation.stepAxis(Number(event.target.value) - 1 - step)}
      />
      <span data-testid="axis-text" className="text-dim">
        {step + 1} / {axis.steps}
        {value !== undefined && ` · ${decimal(value)} ${axis.unit}`.trimEnd()}
      </span>
    </label>
  );
}
