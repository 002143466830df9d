import { caveatText, type Measurement } from "@/dicom/measurements/measurement";

/** How far the lengths and areas of a row can be trusted; the button of the row says it to a screen reader. */
export function MeasuredCaveat({ one }: { one: Measurement }) {
  const caveat = caveatText(one);
  return caveat ? (
    <p aria-hidden="true" className="text-xs text-warn" data-testid="measured-caveat">
      {caveat}
    </p>
  ) : null;
}
