import { describe, expect, it } from "vitest";
import { hasExtent } from "@/dicom/measurements/extent";
import type { MeasuringKind } from "@/dicom/measurements/measurement";

type Points = [number, number][];

describe("a drawing without extent", () => {
  it.each<[MeasuringKind, Points, Points]>([
    ["length", [[10, 10], [10.05, 10]], [[10, 10], [11, 10]]],
    ["arrow", [[10, 10], [10, 10]], [[10, 10], [10, 30]]],
    ["circle", [[10, 10], [10, 10]], [[10, 10], [12, 10]]],
    ["rectangle", [[10, 10], [40, 10], [40, 10], [10, 10]], [[10, 10], [40, 10], [40, 20], [10, 20]]],
    ["ellipse", [[10, 10], [40, 10], [25, 10], [25, 10]], [[10, 10], [40, 10], [25, 5], [25, 15]]],
    ["bidirectional", [[10, 10], [40, 10], [25, 10], [25, 10]], [[10, 10], [40, 10], [25, 5], [25, 15]]],
    ["angle", [[10, 10], [10, 10], [20, 20]], [[10, 10], [20, 20], [10, 30]]],
    ["cobb", [[10, 10], [20, 10], [30, 30], [30, 30]], [[10, 10], [20, 10], [30, 30], [40, 35]]],
    ["freehand", [[10, 10], [10, 10.02], [10, 10]], [[10, 10], [12, 10], [12, 14]]],
  ])("is no %s", (kind, none, some) => {
    expect(hasExtent(kind, none)).toBe(false);
    expect(hasExtent(kind, some)).toBe(true);
  });

  it("is a point none the less", () => {
    for (const kind of ["probe", "text", "vertebra"] as const) expect(hasExtent(kind, [[10, 10]])).toBe(true);
  });
});
