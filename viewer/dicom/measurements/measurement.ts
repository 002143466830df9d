/** What a person draws on one image, as the node keeps it (a DICOM SR of TID 1500). */
import type { HandCalibration } from "@/dicom/calibration/byHand";
import type { Obstacle } from "@/dicom/calibration/ultrasound";
import type { Calibration, Caveat } from "@/dicom/calibration/calibration";
import { suvCaveatText, type SuvCaveat } from "@/dicom/pet/suvCaveats";
import { fixed, unitSymbol } from "@/shared/lib/format";
import { messagesOf, text } from "@/shared/i18n";
import { currentLanguage } from "@/shared/i18n/language";

export const shapes = {
  length: "LENGTH",
  bidirectional: "BIDIRECTIONAL",
  angle: "ANGLE",
  cobb: "COBB_ANGLE",
  lines: "LINES_ANGLE",
  ellipse: "ELLIPSE",
  circle: "CIRCLE",
  rectangle: "RECTANGLE",
  freehand: "FREEHAND",
  probe: "POINT",
  arrow: "ARROW",
  text: "TEXT",
  vertebra: "VERTEBRA",
} as const;

/** Free text says more than the name of a drawing. */
export function mostCharacters(kind: MeasuringKind): number {
  return kind === "text" ? 200 : 64;
}

export type MeasuringKind = keyof typeof shapes;
export type Shape = (typeof shapes)[MeasuringKind];

export const kinds = Object.keys(shapes) as readonly MeasuringKind[];

export function kindOf(shape: string): MeasuringKind | null {
  const found = Object.entries(shapes).find(([, name]) => name === shape);
  return found ? (found[0] as MeasuringKind) : null;
}

export interface Quantity {
  quantity: string;
  value: number;
  /** UCUM. */
  unit: string;
  /** Of pixels that stand for something: its name in the header of their image, such as "ADC". */
  of?: string;
}

/** Who made a drawing that is no reader's of this node, and where it stands. */
export interface MadeBy {
  /** Of its report. */
  sopInstanceUid: string;
  /** What its report is called. */
  title: string;
  /** A person or a device, or else who sent the report. */
  maker: string;
  /** Who sent it; empty of a pipeline of this node. */
  sender: string;
  /** As its report states it; empty where it states none. */
  trackingUid: string;
}

/** What a copy is a copy of. */
export interface TakenOver {
  sopInstanceUid: string;
  trackingUid: string;
  maker: string;
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
  /** Why it has no length or area on its image; null where it has, or needs none. */
  obstacle: Obstacle | null;
  /** What its report says where that is not what its image says; empty where both agree. */
  savedAs: Quantity[];
  /**
   * How far its lengths and areas can be trusted: of its image, or the sentence of its report while
   * its image is not opened.
   */
  caveats: readonly (Caveat | "circle_of_pixels" | { sentence: string })[];
  /** A circle of others on pixels that are not square whose report does not tell whether it is one in mm or of pixels. */
  isUnclear?: boolean;
  /** Of values of a PET: why they are no SUV, or what speaks against it. Absent until its image is opened. */
  valueCaveats?: readonly SuvCaveat[];
  /** Null of a reader's own. What others made is shown, and neither changed nor saved. */
  madeBy: MadeBy | null;
  takenOver: TakenOver | null;
  /** By what a person calibrated its image. */
  handCalibration?: HandCalibration | null;
}

/** Whether the reader's own hold a copy of what somebody else drew. */
export function isTaken({ madeBy }: Measurement, own: readonly Measurement[]): boolean {
  return own.some(
    ({ takenOver }) =>
      takenOver !== null &&
      takenOver.sopInstanceUid === madeBy?.sopInstanceUid &&
      takenOver.trackingUid === madeBy.trackingUid,
  );
}

const withoutLengths = new Set<MeasuringKind>(["angle", "cobb", "lines", "probe", "arrow", "text", "vertebra"]);

/** What a reader of a length or an area must know, as `caveat_of` of the node; none of other kinds. */
export function caveatsOf(kind: MeasuringKind, calibration: Calibration): readonly Caveat[] {
  // Inside a region nothing is left to say.
  return withoutLengths.has(kind) || calibration.regions.length > 0 ? [] : calibration.caveats;
}

type Doubtful = Pick<Measurement, "measured" | "caveats" | "valueCaveats">;

/** The caveats in one language, joined: of lengths and areas, then of values; empty where none is stated that has any. */
export function caveatText(one: Doubtful, language = currentLanguage()): string {
  return [lengthCaveatText(one, language), valueCaveatText(one, language)].filter(Boolean).join("; ");
}

/** Empty where no length or area is stated. */
export function lengthCaveatText({ measured, caveats }: Doubtful, language = currentLanguage()): string {
  if (measured.every(isStatistic)) return "";
  const words = messagesOf(language).viewing.caveats;
  return caveats.map((one) => (typeof one === "string" ? words[one] : one.sentence.replace(/\.$/, ""))).join("; ");
}

/** Empty where no value of pixels is stated. */
export function valueCaveatText({ measured, valueCaveats = [] }: Doubtful, language = currentLanguage()): string {
  return measured.some(isStatistic) ? valueCaveats.map((one) => suvCaveatText(one, language)).join("; ") : "";
}

const statistics = new Set(["mean", "standard_deviation", "minimum", "maximum", "value"]);

/** Whether a quantity rests on the values of pixels, which the node takes as they are sent. */
export function isStatistic({ quantity }: Quantity): boolean {
  return statistics.has(quantity);
}

/** As the node takes it; lengths, areas and angles it computes itself. */
export function forNode(one: Measurement): object {
  return {
    shape: shapes[one.kind],
    sop_instance_uid: one.sopInstanceUid,
    frame_number: one.frameNumber,
    points: one.points,
    is_closed: one.kind === "freehand" && one.isClosed,
    label: one.label || (one.kind === "arrow" ? "Arrow" : one.kind === "text" ? "Text" : ""),
    tracking_uid: one.trackingUid,
    statistics: one.measured
      .filter((one) => isStatistic(one) && Number.isFinite(one.value))
      .map(({ quantity, value, unit }) => ({ quantity, value, unit })),
    taken_over_from: one.takenOver && {
      sop_instance_uid: one.takenOver.sopInstanceUid,
      tracking_uid: one.takenOver.trackingUid,
    },
    hand_calibration: one.handCalibration
      ? { points: one.handCalibration.points, length_mm: one.handCalibration.lengthMm }
      : null,
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
  "g/ml{SUVbw}": "SUV",
  "1": "",
};

const digitsOfUnit: Partial<Record<string, number>> = { s: 3, Hz: 0 };

/** Finer than any pixel is: what is smaller comes from rounding, as between two ends on one point. */
const mostDigits: Partial<Record<string, number>> = { mm: 4, mm2: 8, deg: 2, "{pixels}": 2, "{pixels}2": 2 };

/** As many decimals as a measured value is shown with. What is small keeps two digits that count: a cell of 0.012 mm is not one of 0.0. */
export function decimalsOf(value: number, unit: string): number {
  const size = Math.abs(value);
  const usual = digitsOfUnit[unit];
  if (usual !== undefined) return usual;
  if (size >= 100) return 0;
  const most = mostDigits[unit] ?? 12;
  return size < 0.5 * 10 ** -most || size >= 1 ? 1 : Math.min(most, 1 - Math.floor(Math.log10(size)));
}

function quantityText({ quantity, value, unit, of = "" }: Quantity): string {
  const shownUnit = unitTexts[unit] ?? unitSymbol(unit);
  const shown = `${fixed(value, decimalsOf(value, unit))}${shownUnit === "°" ? "" : " "}${shownUnit}`.trim();
  const names: Partial<Record<string, string>> = text().viewing.quantities;
  const name = names[quantity];
  return [of, name ?? "", shown].filter((part) => part !== "").join(" ");
}

type Facts = Pick<Measurement, "measured" | "obstacle" | "savedAs">;

/** What was measured, a line each, under the name that somebody gave it. */
export function measuredLines(one: Facts & Pick<Measurement, "label">): string[] {
  return [one.label, ...factsOf(one)].filter((line) => line !== "");
}

/** The same in one line: "61.0 mm", or why there is none. */
export function summaryOf(one: Facts): string {
  return factsOf(one).join(", ");
}

function factsOf({ measured, obstacle, savedAs }: Facts): string[] {
  const { viewing: t } = text();
  const facts = [...(obstacle ? [t.obstacles[obstacle]] : []), ...measured.map(quantityText)];
  return savedAs.length > 0 ? [...facts, t.savedAs(measuredText(savedAs))] : facts;
}

const millimetres: Partial<Record<string, readonly [string, number]>> = { cm: ["mm", 10], cm2: ["mm2", 100] };
const relativeAgreement = 0.01;

/** Centimetres as the node counts; other units as they are. */
export function inMillimetres<Found extends Quantity | undefined>(one: Found): Found {
  const [unit, factor] = (one && millimetres[one.unit]) ?? [one?.unit, 1];
  return one && { ...one, value: one.value * factor, unit };
}

/** What a report says of a shape that its image does not: another value, or another unit. */
export function disagreeing(saved: readonly Quantity[], found: readonly Quantity[]): Quantity[] {
  const disagree = saved.some((one) => {
    if (isStatistic(one)) return false;
    const { value, unit } = inMillimetres(one);
    const other = found.find(({ quantity }) => quantity === one.quantity);
    const most = relativeAgreement * Math.max(Math.abs(value), Math.abs(other?.value ?? 0));
    return !other || other.unit !== unit || Math.abs(other.value - value) > most;
  });
  return disagree ? saved.filter((one) => !isStatistic(one)) : [];
}

/** What was measured, in a line: "42.0 mm", "long 21.3 mm, short 14.0 mm". */
export function measuredText(measured: readonly Quantity[]): string {
  return measured.map(quantityText).join(", ");
}
