/** What one pixel is worth on each image of its place: over time, b-values or echoes. */
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { quantityOf } from "@/dicom/display/values";
import type { AxisKind, SecondAxis } from "@/dicom/secondAxis";

const tag = {
  triggerTime: "00181060",
  frameReferenceTime: "00541300",
  acquisitionDate: "00080022",
  acquisitionTime: "00080032",
  acquisitionDateTime: "0008002A",
  frameAcquisitionDateTime: "00189074",
} as const;

/** What the steps of a place stand for. */
export interface AxisScale {
  kind: AxisKind;
  /** One for each step of the place. */
  values: number[];
  unit: "" | "ms" | "s" | "s/mm²";
  /** The DICOM keyword of what states them; "" where the steps are only counted. */
  source: string;
}

/** The meaning of the values of a curve: a UCUM unit, "1" for none, and what is measured. */
export interface CurveMeaning {
  unit: string;
  name: string;
}

export interface AxisCurve {
  meaning: CurveMeaning;
  /** One for each step; NaN where an image has no single value. */
  values: number[];
}

/** Seconds of a DICOM time, "142035.93" (PS3.5 6.2); null where it is none. */
function secondsOf(time: string): number | null {
  const match = /^(\d{2})(\d{2})(\d{2}(?:\.\d+)?)/.exec(time.trim());
  return match ? Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]) : null;
}

function dayOf(date: string): number | null {
  const match = /^(\d{4})(\d{2})(\d{2})/.exec(date.trim());
  return match ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / 1000 : null;
}

function momentOf(dataset: DicomJson): number | null {
  const whole = stringOf(dataset, tag.frameAcquisitionDateTime) || stringOf(dataset, tag.acquisitionDateTime);
  const [day, time] = whole
    ? [dayOf(whole), secondsOf(whole.slice(8))]
    : [dayOf(stringOf(dataset, tag.acquisitionDate)), secondsOf(stringOf(dataset, tag.acquisitionTime))];
  return time === null ? null : (day ?? 0) + time;
}

const isRising = (values: readonly number[]) => values.every((value, at) => at === 0 || value > (values[at - 1] ?? 0));

/** The clock of images that a header only counts in time: what it states beside, where it rises from image to image. */
function clockOf(images: readonly DicomJson[]): Omit<AxisScale, "kind"> | null {
  for (const [source, name] of [["FrameReferenceTime", tag.frameReferenceTime], ["TriggerTime", tag.triggerTime]] as const) {
    const values = images.flatMap((dataset) => numbersOf(dataset, name).slice(0, 1));
    if (values.length === images.length && isRising(values)) return { values, unit: "ms", source };
  }
  const moments = images.flatMap((dataset) => momentOf(dataset) ?? []);
  const [first] = moments;
  if (first === undefined || moments.length !== images.length || !isRising(moments)) return null;
  // Fractions of a second have six digits at most.
  return { values: moments.map((moment) => Number((moment - first).toFixed(6))), unit: "s", source: "AcquisitionTime" };
}

const sourceOf: Record<AxisKind, string> = {
  time: "FrameReferenceTime",
  trigger: "TriggerTime",
  bValue: "DiffusionBValue",
  echo: "EchoTime",
  step: "",
};

/** What the steps of one place stand for, by the headers of its images. */
export function scaleOf(axis: SecondAxis, place: number, images: readonly DicomJson[]): AxisScale {
  const { kind, steps, unit } = axis;
  const values = axis.values.slice(place * steps, (place + 1) * steps);
  if (values.length === steps) return { kind, values, unit, source: sourceOf[kind] };
  const clock = kind === "time" ? clockOf(images) : null;
  return clock ? { kind, ...clock } : { kind, values: images.map((_, at) => at + 1), unit: "", source: "" };
}

/**
 * The values of one pixel, in what its images say that they are: of PET each by the SUV factor of its own image.
 * Where two images say something else, they are the stored values after rescaling.
 */
export function curveOf(images: readonly DicomJson[], stored: readonly number[]): AxisCurve {
  const quantities = images.map((dataset, at) => quantityOf(stored[at] ?? NaN, dataset));
  const [first] = quantities;
  const isOne = first !== undefined && quantities.every(({ unit, name }) => unit === first.unit && name === first.name);
  if (!isOne) return { meaning: { unit: "1", name: "" }, values: images.map((_, at) => stored[at] ?? NaN) };
  return { meaning: { unit: first.unit, name: first.name }, values: quantities.map(({ value }) => value) };
}
