/** What a person draws on one image, as the node keeps it (a DICOM SR of TID 1500). */
import { fixed } from "@/lib/format";
import { text } from "@/lib/i18n";

export const shapes = {
  length: "LENGTH",
  bidirectional: "BIDIRECTIONAL",
  angle: "ANGLE",
  cobb: "COBB_ANGLE",
  ellipse: "ELLIPSE",
  circle: "CIRCLE",
  rectangle: "RECTANGLE",
  freehand: "FREEHAND",
  probe: "POINT",
  arrow: "ARROW",
} as const;

export type MeasuringKind = keyof typeof shapes;
export type Shape = (typeof shapes)[MeasuringKind];

export function kindOf(shape: string): MeasuringKind | null {
  const found = Object.entries(shapes).find(([, name]) => name === shape);
  return found ? (found[0] as MeasuringKind) : null;
}

export interface Quantity {
  quantity: string;
  value: number;
  /** UCUM. */
  unit: string;
}

export interface Measurement {
  /** A DICOM UID that stays the same through every version. */
  trackingUid: string;
  kind: MeasuringKind;
  sopInstanceUid: string;
  frameNumber: number;
  /** Column, row; 0.5, 0.5 is the centre of the first pixel. Their order is the node's. */
  points: [number, number][];
  isClosed: boolean;
  label: string;
  measured: Quantity[];
}

const statistics = new Set(["mean", "standard_deviation", "minimum", "maximum", "value"]);

/** As the node takes it; lengths, areas and angles it computes itself. */
export function forNode(one: Measurement): object {
  return {
    shape: shapes[one.kind],
    sop_instance_uid: one.sopInstanceUid,
    frame_number: one.frameNumber,
    points: one.points,
    is_closed: one.kind === "freehand" && one.isClosed,
    label: one.label || (one.kind === "arrow" ? "Arrow" : ""),
    tracking_uid: one.trackingUid,
    statistics: one.measured
      .filter(({ quantity, value }) => statistics.has(quantity) && Number.isFinite(value))
      .map(({ quantity, value, unit }) => ({ quantity, value, unit })),
  };
}

/** A UUID as a DICOM UID (PS3.5 B.2). */
export function uidOfUuid(uuid: string): string {
  return `2.25.${BigInt(`0x${uuid.replaceAll("-", "")}`)}`;
}

const unitTexts: Record<string, string> = {
  mm2: "mm²",
  deg: "°",
  "{pixels}": "px",
  "{pixels}2": "px²",
  "[hnsf'U]": "HU",
  "g/ml{SUVbw}": "SUV",
  "1": "",
};
function told({ quantity, value, unit }: Quantity): string {
  const shownUnit = unitTexts[unit] ?? unit;
  const shown = `${fixed(value, Math.abs(value) >= 100 ? 0 : 1)}${shownUnit === "°" ? "" : " "}${shownUnit}`.trim();
  const names: Partial<Record<string, string>> = text().viewing.quantities;
  const name = names[quantity];
  return name ? `${name} ${shown}` : shown;
}

/** What was measured, a line each, under the name that somebody gave it. */
export function measuredLines({ label, measured }: Pick<Measurement, "label" | "measured">): string[] {
  return [label, ...measured.map(told)].filter((line) => line !== "");
}

/** What was measured, in a line: "42.0 mm", "long 21.3 mm, short 14.0 mm". */
export function measuredText(measured: readonly Quantity[]): string {
  return measured.map(told).join(", ");
}
