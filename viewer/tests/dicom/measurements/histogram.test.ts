import { describe, expect, it } from "vitest";
import { histogramOf, spreadOf } from "@/dicom/measurements/histogram";

describe("the spread of values", () => {
  it("is that of numpy", () => {
    // numpy.percentile([3, -1, 7, 7, 12, 0], [5, 50, 95]) -> [-0.75, 5, 10.75]; std 4.4969125210773475
    const spread = spreadOf([3, -1, 7, 7, 12, 0]);
    expect(spread).toMatchObject({ count: 6, minimum: -1, maximum: 12, median: 5 });
    expect(spread?.low).toBeCloseTo(-0.75, 9);
    expect(spread?.high).toBeCloseTo(10.75, 9);
    expect(spread?.mean).toBeCloseTo(28 / 6, 9);
    expect(spread?.standardDeviation).toBeCloseTo(4.4969125210773475, 9);
  });

  it("of one value is that value, and of none is none", () => {
    expect(spreadOf([4.5])).toMatchObject({ median: 4.5, low: 4.5, high: 4.5, standardDeviation: 0 });
    expect(spreadOf([])).toBeNull();
    expect(histogramOf([])).toBeNull();
  });
});

describe("a histogram", () => {
  it("counts every value once, the greatest too", () => {
    const values = [-1024, -1000, -3, 0, 1, 40, 41, 3071];
    const found = histogramOf(values);
    expect(found?.counts.reduce((sum, one) => sum + one, 0)).toBe(values.length);
    expect(found?.counts.length).toBeLessThanOrEqual(42);
    expect([found?.lower, found?.step]).toEqual([-1200, 200]);
    expect(found?.counts.at(-1)).toBe(1);
  });

  it("has bins of whole numbers for whole values, and finer ones for others", () => {
    expect(histogramOf([1, 2, 2, 4])).toEqual({ lower: 1, step: 1, counts: [1, 2, 0, 1] });
    expect(histogramOf([0.001, 0.002, 0.0021])?.step).toBeCloseTo(0.00005, 9);
    expect(histogramOf([7, 7])).toEqual({ lower: 7, step: 1, counts: [2] });
  });
});
