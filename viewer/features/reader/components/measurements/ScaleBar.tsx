import { scaleBar } from "@/features/reader/lib/measurements/scale";

/** A line as long as a round number of millimetres of the patient. */
export function ScaleBar({ mmPerPixel }: { mmPerPixel: number }) {
  const bar = scaleBar(mmPerPixel);
  if (!bar) return null;
  return (
    <div className="mb-1 flex flex-col items-end" data-testid="scale-bar" data-length-mm={bar.lengthMm} data-pixels={bar.pixels}>
      <span>{bar.text}</span>
      <span className="h-1.5 border-x border-b border-ink" style={{ width: `${bar.pixels}px` }} />
    </div>
  );
}
