import { describe, expect, it } from "vitest";
import {
  activated,
  cellCount,
  filled,
  single,
  stepped,
  withGrid,
  withNextSeries,
  withSeries,
  type Count,
  type SeriesRef,
} from "@/features/reader/lib/layout/layout";

function ref(seriesInstanceUid: string): SeriesRef {
  return { studyInstanceUid: "1", seriesInstanceUid };
}
const abc = ["a", "b", "c"].map(ref);

describe("layouts", () => {
  it("fill with the series that are not shown yet", () => {
    const two = filled(withGrid(single(ref("b")), 2, 2), abc);
    expect(two.cells.map((cell) => cell?.seriesInstanceUid ?? null)).toEqual(["b", "a", "c", null]);
  });

  it("keep the active series in sight when they shrink", () => {
    const large = withSeries(filled(withGrid(single(ref("a")), 3, 3), abc), 7, ref("c"));
    for (const rows of [1, 2, 3] as Count[]) {
      for (const columns of [1, 2, 3] as Count[]) {
        const small = withGrid(large, rows, columns);
        expect(small.active).toBeLessThan(cellCount(small));
        expect(small.cells[small.active]).toEqual(ref("c"));
      }
    }
  });

  it("step from the last viewport to the first and back", () => {
    const two = withGrid(single(ref("a")), 1, 2);
    expect(stepped(two, -1).active).toBe(1);
    expect(stepped(stepped(two, 1), 1).active).toBe(0);
    expect(activated(two, 5)).toBe(two);
  });

  it("walk through the series of a study in the active viewport", () => {
    const one = single(ref("a"));
    expect(withNextSeries(one, abc, 1).cells[0]).toEqual(ref("b"));
    expect(withNextSeries(one, abc, -1).cells[0]).toEqual(ref("c"));
    expect(withNextSeries(one, [], 1)).toBe(one);
  });
});
