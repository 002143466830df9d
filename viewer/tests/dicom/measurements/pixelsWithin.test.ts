import { describe, expect, it } from "vitest";
import { statisticsOf } from "@/cornerstone/annotations/annotations";
import { paddingsOf } from "@/dicom/display/padding";
import { statisticsWithin } from "@/dicom/measurements/pixelsWithin";

/** Ten by eight pixels of 2 mm by 1 mm: 40 HU, but padding in the four columns at the right. */
const [columns, rows] = [10, 8];
const values = Float32Array.from({ length: columns * rows }, (_, at) => (at % columns > 5 ? -2000 : 40 + (at % columns)));
const image = { columns, rows, values, aspect: 2 };
const ct = { "00080060": { vr: "CS", Value: ["CT"] } };

describe("statistics of a shape", () => {
  const paddings = paddingsOf(ct);

  it.each([
    ["rectangle", [[4, 2], [8, 2], [8, 5], [4, 5]]],
    ["freehand", [[4, 2], [8, 2], [8, 5], [4, 5]]],
    ["circle", [[6, 4], [8, 4]]],
    ["ellipse", [[4, 4], [8, 4], [6, 3], [6, 5]]],
  ] as const)("leave padding out: %s", (kind, points) => {
    const found = statisticsWithin(kind, points, image, paddings);
    expect(found).toEqual({ mean: 44.5, stdDev: 0.5, min: 44, max: 45 });
  });

  it("are none of padding alone", () => {
    expect(statisticsWithin("rectangle", [[7, 2], [9, 2], [9, 5], [7, 5]], image, paddings)).toBeNull();
  });

  it("replace what Cornerstone computed where padding is among its pixels", () => {
    const data = (min: number) => ({ cachedStats: { "imageId:a": { mean: -700, stdDev: 900, min, max: 45 } } });
    const statistics = () => ({ mean: 44.5, stdDev: 0.5, min: 44, max: 45 });
    const mean = (min: number) => statisticsOf("ellipse", data(min), "1", null, null, { ranges: paddings, statistics })[0]?.value;
    expect(mean(-2000)).toBe(44.5);
    expect(mean(-1000)).toBe(-700);
    expect(statisticsOf("ellipse", data(-2000), "1", null, null, { ranges: paddings, statistics: () => null })).toEqual([]);
  });

  it("call no padding the value of a point", () => {
    const point = { cachedStats: { "imageId:a": { value: -2000, modalityUnit: "HU" } } };
    expect(statisticsOf("probe", point, "1", null, -2000, { ranges: paddings, statistics: () => null })).toEqual([]);
  });

  it("know the stated padding of other modalities", () => {
    const mr = { "00080060": { vr: "CS", Value: ["MR"] }, "00280120": { vr: "US", Value: [7] } };
    expect(paddingsOf(mr)).toEqual([{ lower: 7, upper: 7 }]);
  });
});
