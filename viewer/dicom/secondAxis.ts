/** Series with several images of each place: over time, b-values or echoes. */
import { numbersOf, type DicomJson } from "@/dicom/dicomweb";

export type AxisKind = "time" | "trigger" | "bValue" | "echo" | "step";

export interface SecondAxis {
  kind: AxisKind;
  /** How many images each place has. */
  steps: number;
  /** What each image of the series stands for, in `unit`: places may have other ones. Empty where the headers only count them. */
  values: number[];
  unit: "" | "ms" | "s/mm²";
}

interface Placed {
  dataset: DicomJson;
  positionMm: number | null;
}

interface Candidate {
  kind: AxisKind;
  tags: readonly string[];
  unit: SecondAxis["unit"];
  /** A number that only counts is no value to be shown. */
  counts?: true;
}

/** Attributes that tell images of one place apart, the one that says most first. */
const candidates: readonly Candidate[] = [
  // Temporal Position Identifier, Temporal Position Index
  { kind: "time", tags: ["00200100", "00209128"], unit: "", counts: true },
  // Diffusion b-value
  { kind: "bValue", tags: ["00189087"], unit: "s/mm²" },
  // Trigger Time, Nominal Cardiac Trigger Delay Time
  { kind: "trigger", tags: ["00181060", "00209153"], unit: "ms" },
  // Frame Reference Time
  { kind: "time", tags: ["00541300"], unit: "ms" },
  // Echo Time, Effective Echo Time
  { kind: "echo", tags: ["00180081", "00189082"], unit: "ms" },
];

const numberOfTemporalPositions = "00200105";
const instanceNumber = "00200013";

function valueOf({ dataset }: Placed, tags: readonly string[]): number | undefined {
  return tags.map((tag) => numbersOf(dataset, tag)[0]).find((value) => value !== undefined);
}

/** The images of each place, in the order of the places; null where their numbers differ. */
function groups<T extends Placed>(sorted: readonly T[], samePlaceMm: number): T[][] | null {
  const found: T[][] = [];
  let last = -Infinity;
  for (const slice of sorted) {
    const at = slice.positionMm ?? 0;
    if (at - last > samePlaceMm) found.push([]);
    found.at(-1)?.push(slice);
    last = at;
  }
  const steps = found[0]?.length ?? 0;
  return found.length > 1 && steps > 1 && found.every((group) => group.length === steps) ? found : null;
}

/**
 * The second axis of slices that are sorted by position, and the slices in its order: place by place,
 * within each by the axis. Null where there is one image of each place, or their numbers differ, or
 * nothing in the headers tells them apart.
 */
export function secondAxisOf<T extends Placed>(
  sorted: readonly T[],
  samePlaceMm: number,
): { axis: SecondAxis; slices: T[] } | null {
  const places = groups(sorted, samePlaceMm);
  const first = places?.[0];
  if (!places || !first) return null;
  const steps = first.length;
  for (const { kind, tags, unit, counts } of candidates) {
    const isTelling = places.every((group) => {
      const values = group.map((slice) => valueOf(slice, tags));
      return !values.includes(undefined) && new Set(values).size === steps;
    });
    if (!isTelling) continue;
    const ordered = places.map((group) => byValue(group, (slice) => valueOf(slice, tags)));
    const slices = ordered.flat();
    const values = counts ? [] : slices.map((slice) => valueOf(slice, tags) ?? 0);
    return { axis: { kind, steps, values, unit }, slices };
  }
  const number = (slice: T) => valueOf(slice, [instanceNumber]);
  if (places.some((group) => new Set(group.map(number)).size < steps)) return null;
  const stated = numbersOf(first[0]?.dataset ?? {}, numberOfTemporalPositions)[0];
  const kind = stated === steps ? "time" : "step";
  return { axis: { kind, steps, values: [], unit: "" }, slices: places.flatMap((group) => byValue(group, number)) };
}

function byValue<T>(group: readonly T[], value: (slice: T) => number | undefined): T[] {
  return group.toSorted((a, b) => (value(a) ?? 0) - (value(b) ?? 0));
}

/** The index of the image at another place and step; what lies beyond the ends is the end. */
export function indexAt(axis: SecondAxis, count: number, place: number, step: number): number {
  const places = count / axis.steps;
  const clamped = (value: number, length: number) => Math.max(0, Math.min(length - 1, value));
  return clamped(place, places) * axis.steps + clamped(step, axis.steps);
}
