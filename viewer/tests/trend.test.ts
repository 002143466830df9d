import { describe, expect, it } from "vitest";
import { changePercent, placeInRange, plotted, priorPoint, trendOf } from "@/lib/trend";
import type { Finding } from "@/lib/types";

const finding = (value: number | null, changes: Partial<Finding> = {}): Finding =>
  ({
    pipeline: "brain-volume",
    pipeline_version: "1.0.0",
    label: "Brain volume",
    tracking_identifier: "brain-volume: Brain",
    unit: { value: "cm3", scheme_designator: "UCUM", meaning: "cm3" },
    value,
    created_at: "2026-01-01T00:00:00Z",
    normal_range: null,
    ...changes,
  }) as Finding;

const past = (study_instance_uid: string, study_date: string | null, ...findings: Finding[]) => ({
  study: { study_instance_uid, study_date },
  findings,
});

describe("a measure over time", () => {
  const studies = [
    past("now", "2026-05-01", finding(1700)),
    past("old", "2024-05-01", finding(1800, { pipeline_version: "0.9.0" })),
    past("middle", "2025-05-01", finding(1790), finding(1780, { created_at: "2026-02-01" })),
    past("undated", null, finding(1)),
    past("litres", "2025-06-01", finding(1.7, { unit: { value: "L", scheme_designator: "UCUM", meaning: "L" } })),
    past("other", "2025-07-01", finding(9, { label: "Lung volume" })),
  ];

  it("takes the newest value of each dated study in the same unit, the oldest first", () => {
    const points = trendOf(finding(1700), studies);
    expect(points.map((one) => [one.studyInstanceUid, one.value])).toEqual([
      ["old", 1800],
      ["middle", 1780],
      ["now", 1700],
    ]);
    expect(priorPoint(points, "now")?.studyInstanceUid).toBe("middle");
    expect(priorPoint(points, "old")).toBeNull();
    expect(changePercent(1700, 1780)).toBeCloseTo(-4.494, 3);
    expect(changePercent(1, 0)).toBeNull();
  });

  it("is drawn with time to the right and more above, and one alone in the middle", () => {
    const size = { width: 100, height: 60, margin: 10 };
    const drawn = plotted(trendOf(finding(1700), studies), size).points;
    expect(drawn.map(({ x }) => x)).toEqual([10, expect.closeTo(50, 0), 90]);
    expect(drawn[0]?.y).toBe(10);
    expect(drawn[2]?.y).toBe(50);
    const [alone] = plotted(trendOf(finding(5), [past("a", "2026-01-01", finding(5))]), size).points;
    expect([alone?.x, alone?.y]).toEqual([50, 30]);
  });
});

describe("a normal range", () => {
  const range = { low: 10, high: 20, unit: "cm3", source: "A paper." };

  it("places a value of its own unit, ends included", () => {
    const place = (value: number, low: number | null = 10) =>
      placeInRange(finding(value, { normal_range: { ...range, low } }));
    expect([place(9), place(10), place(20), place(21), place(1, null)]).toEqual([
      "below",
      "within",
      "within",
      "above",
      "within",
    ]);
  });

  it("says nothing of another unit or of no value", () => {
    expect(placeInRange(finding(15, { normal_range: { ...range, unit: "L" } }))).toBeNull();
    expect(placeInRange(finding(null, { normal_range: range }))).toBeNull();
    expect(placeInRange(finding(15))).toBeNull();
  });
});
