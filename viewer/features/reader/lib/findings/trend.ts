import type { Finding, Trend } from "@/shared/api/types";
import { extentOf } from "@/shared/lib/extent";

/** One value of a measure, at the date of its study. */
export type TrendPoint = Trend["points"][number];

/** Whether two findings state the same measure: pipeline, name and unit; the version may differ. */
export function sameMeasure(
  one: Pick<Finding, "pipeline" | "label" | "tracking_identifier" | "unit">,
  other: Pick<Finding, "pipeline" | "label" | "tracking_identifier" | "unit">,
): boolean {
  return (
    one.pipeline === other.pipeline &&
    one.label === other.label &&
    one.tracking_identifier === other.tracking_identifier &&
    (one.unit?.value ?? "") === (other.unit?.value ?? "")
  );
}

/** The values of a finding's measure over the patient's studies; one without a date has no place. */
export function pointsOf(finding: Finding, trends: readonly Trend[]): TrendPoint[] {
  const trend = trends.find((one) => sameMeasure(one, finding));
  return (trend?.points ?? []).filter((point) => point.study_date);
}

/** Change against another value, in percent of that one; null where that is nothing. */
export function changePercent(now: number, before: number): number | null {
  return before === 0 ? null : ((now - before) / Math.abs(before)) * 100;
}

export type RangePlace = NonNullable<NonNullable<Finding["normal_range"]>["place"]>;

/** In whole numbers; the ends of a distribution are not distinguished. */
export function percentileText(percentile: number): string {
  if (percentile < 1) return "< 1";
  return percentile > 99 ? "> 99" : Math.round(percentile).toString();
}

/** Points of a plot of this size in pixels; time runs to the right, larger values lie higher. */
export function plotted(
  points: readonly TrendPoint[],
  size: { width: number; height: number; margin: number },
  range?: { low: number | null; high: number | null } | null,
): { points: { x: number; y: number; point: TrendPoint }[]; yOf: (value: number) => number } {
  const { width, height, margin } = size;
  const times = points.map((one) => Date.parse(`${one.study_date ?? ""}T${one.study_time ?? "00:00:00"}Z`));
  const values = [...points.map((one) => one.value), range?.low, range?.high].filter(
    (one): one is number => typeof one === "number",
  );
  const [from, to] = extentOf(times);
  const [low, high] = extentOf(values);
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

/** The points that one line joins: a lesion that merged or split is another whole than before, and a
 * density of another kernel or slice thickness another measurement. */
export function runsOf<P extends { point: Pick<TrendPoint, "is_joined" | "not_compared"> }>(points: readonly P[]): P[][] {
  const runs: P[][] = [];
  for (const one of points) {
    const last = runs[runs.length - 1];
    if (last && !one.point.is_joined && !one.point.not_compared) last.push(one);
    else runs.push([one]);
  }
  return runs;
}
