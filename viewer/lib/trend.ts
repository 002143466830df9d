import type { Finding, StudySummary } from "@/lib/types";

/** One value of a measure, at the date of its study. */
export interface TrendPoint {
  studyInstanceUid: string;
  /** ISO date of the study. */
  date: string;
  value: number;
  pipelineVersion: string;
}

export interface PastStudy {
  study: Pick<StudySummary, "study_instance_uid" | "study_date">;
  findings: readonly Finding[];
}

/** Whether two findings state the same measure: pipeline, name and unit; the version may differ. */
export function sameMeasure(one: Finding, other: Finding): boolean {
  return (
    one.pipeline === other.pipeline &&
    one.label === other.label &&
    one.tracking_identifier === other.tracking_identifier &&
    (one.unit?.value ?? "") === (other.unit?.value ?? "")
  );
}

/**
 * The values of a measure over all studies of the patient, the oldest first. A study without a date
 * has no place in time and is left out; of several values in one study the newest counts.
 */
export function trendOf(finding: Finding, past: readonly PastStudy[]): TrendPoint[] {
  const points: TrendPoint[] = [];
  for (const { study, findings } of past) {
    if (!study.study_date) continue;
    const found = findings
      .filter((one) => one.value !== null && sameMeasure(one, finding))
      .sort((a, b) => a.created_at.localeCompare(b.created_at))
      .at(-1);
    if (!found || found.value === null) continue;
    points.push({
      studyInstanceUid: study.study_instance_uid,
      date: study.study_date,
      value: found.value,
      pipelineVersion: found.pipeline_version,
    });
  }
  return points.sort((a, b) => a.date.localeCompare(b.date));
}

/** The last point before a study's date; null where there is none. */
export function priorPoint(points: readonly TrendPoint[], studyInstanceUid: string): TrendPoint | null {
  const now = points.find((one) => one.studyInstanceUid === studyInstanceUid);
  if (!now) return null;
  return points.filter((one) => one.date < now.date).at(-1) ?? null;
}

/** Change against an earlier value, in percent of it; null where that is nothing. */
export function changePercent(now: number, before: number): number | null {
  return before === 0 ? null : ((now - before) / Math.abs(before)) * 100;
}

export type RangePlace = "below" | "within" | "above";

/** Where a value lies; null where the range is open or in another unit. */
export function placeInRange(finding: Finding): RangePlace | null {
  const { normal_range: range, value, unit } = finding;
  if (!range || value === null || range.unit !== (unit?.value ?? "")) return null;
  if (range.low !== null && value < range.low) return "below";
  if (range.high !== null && value > range.high) return "above";
  return "within";
}

/** Points of a plot of this size in pixels; time runs to the right, larger values lie higher. */
export function plotted(
  points: readonly TrendPoint[],
  size: { width: number; height: number; margin: number },
  range?: { low: number | null; high: number | null } | null,
): { points: { x: number; y: number; point: TrendPoint }[]; yOf: (value: number) => number } {
  const { width, height, margin } = size;
  const times = points.map((one) => Date.parse(one.date));
  const values = [...points.map((one) => one.value), range?.low, range?.high].filter(
    (one): one is number => typeof one === "number",
  );
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const part = (value: number, a: number, b: number) => (b > a ? (value - a) / (b - a) : 0.5);
  const yOf = (value: number) => height - margin - part(value, low, high) * (height - 2 * margin);
  return {
    yOf,
    points: points.map((point, number) => ({
      point,
      x: margin + part(times[number] ?? from, from, to) * (width - 2 * margin),
      y: yOf(point.value),
    })),
  };
}
