import { describe, expect, it } from "vitest";
import { changePercent, percentileText, plotted, pointsOf, runsOf, type TrendPoint } from "@/features/reader/lib/findings/trend";
import type { Finding, Trend } from "@/shared/api/types";

const unit = { value: "cm3", scheme_designator: "UCUM", meaning: "cm3" };
const measure = {
  pipeline: "brain-volume",
  label: "Brain volume",
  tracking_identifier: "brain-volume: Brain",
  unit,
};
const finding = (value: number | null, changes: Partial<Finding> = {}): Finding =>
  ({ ...measure, value, normal_range: null, ...changes }) as Finding;

const point = (study_date: string | null, value: number): TrendPoint => ({
  finding_id: `${study_date}`,
  study_instance_uid: `${study_date}`,
  study_date,
  pipeline_version: "1.0.0",
  value,
  is_corrected: false, is_joined: false, not_compared: "", caveats: [],
  percentile: null,
});

const points = [point("2024-05-01", 1800), point("2025-05-01", 1780), point("2026-05-01", 1700)];

describe("a measure over time", () => {
  it("has no line from parts to a whole", () => {
    const merged = points.map((one, index) => ({ point: { ...one, is_joined: index === 1 } }));
    expect(runsOf(merged).map((run) => run.length)).toEqual([1, 2]);
  });

  it("has no line between densities that were made otherwise", () => {
    const sharper = points.map((one, index) => ({
      point: { ...one, not_compared: index === 2 ? "kernel B30f then, B70f now" : "" },
    }));
    expect(runsOf(sharper).map((run) => run.length)).toEqual([2, 1]);
  });

  const trends: Trend[] = [
    { ...measure, label: "Lung volume", points: [point("2024-05-01", 9)] },
    { ...measure, unit: { ...unit, value: "L" }, points: [point("2024-05-01", 1.7)] },
    { ...measure, points: [...points, point(null, 1)] },
  ];

  it("is that of its name and unit, without what has no place in time", () => {
    expect(pointsOf(finding(1700), trends)).toEqual(points);
    expect(pointsOf(finding(1, { label: "Skull volume" }), trends)).toEqual([]);
  });

  it("is drawn with time to the right and more above, and one alone in the middle", () => {
    const size = { width: 100, height: 60, margin: 10 };
    const drawn = plotted(points, size).points;
    expect(drawn.map(({ x }) => x)).toEqual([10, expect.closeTo(50, 0), 90]);
    expect(drawn[0]?.y).toBe(10);
    expect(drawn[2]?.y).toBe(50);
    const [alone] = plotted([point("2026-01-01", 5)], size).points;
    expect([alone?.x, alone?.y]).toEqual([50, 30]);
  });

  it("has two studies of one day beside each other", () => {
    const sameDay = [point("2026-01-10", 5), point("2026-01-10", 6)].map((one, index) => ({
      ...one,
      study_time: `0${index + 6}:00:00`,
    }));
    const drawn = plotted(sameDay, { width: 100, height: 60, margin: 10 }).points;
    expect(drawn.map(({ x }) => x)).toEqual([10, 90]);
  });

  it("changes in percent of what was before", () => {
    expect(changePercent(1700, 1780)).toBeCloseTo(-4.494, 3);
    expect(changePercent(1, 0)).toBeNull();
  });
});

describe("a percentile", () => {
  it("is a whole number, and open at the ends", () => {
    expect([0.2, 1, 30.9, 99, 99.4].map(percentileText)).toEqual(["< 1", "1", "31", "99", "> 99"]);
  });
});
