import { describe, expect, it } from "vitest";
import { orderSlices, type Slice } from "@/lib/geometry";
import { followingIndex, linkOffsetMm, sharesSpace } from "@/lib/reading/linking";

/** An axial stack from a position on, with so many mm between slices, in a frame of reference. */
function stack(count: number, fromMm: number, stepMm: number, frame: string, cosines = [1, 0, 0, 0, 1, 0]): Slice[] {
  return orderSlices(
    Array.from({ length: count }, (_, index) => ({
      "00080018": { vr: "UI", Value: [`${frame}.${index}`] },
      "00200052": { vr: "UI", Value: [frame] },
      "00200032": { vr: "DS", Value: [-100, -100, fromMm + index * stepMm] },
      "00200037": { vr: "DS", Value: cosines },
      "00280010": { vr: "US", Value: [10] },
      "00280011": { vr: "US", Value: [10] },
      "00280030": { vr: "DS", Value: [1, 1] },
    })),
  ).slices;
}

describe("stacks that are scrolled together", () => {
  it("go to the same place of a shared space, whatever their spacing", () => {
    const thin = stack(100, 0, 1, "1.1");
    const thick = stack(20, 2, 5, "1.1");
    expect(sharesSpace(thin, thick)).toBe(true);
    expect(followingIndex(thin, 52, thick, null)).toBe(10);
    expect(followingIndex(thick, 10, thin, null)).toBe(52);
  });

  it("stay as far apart as they were linked, where they share no space", () => {
    const now = stack(50, 0, 2, "1.1");
    const before = stack(40, 300, 3, "1.2");
    const offset = linkOffsetMm(now, 10, before, 20);
    expect(offset).toBe(340);
    expect(followingIndex(now, 10, before, offset)).toBe(20);
    expect(followingIndex(now, 16, before, offset)).toBe(24);
    expect(followingIndex(now, 49, before, offset)).toBe(39);
    expect(followingIndex(now, 16, before, null)).toBeNull();
  });

  it("run against each other where one is stored from the feet up", () => {
    const now = stack(50, 0, 2, "1.1");
    // The normal of the second points the other way.
    const before = stack(50, 0, 2, "1.2", [1, 0, 0, 0, -1, 0]);
    const offset = linkOffsetMm(now, 10, before, 39);
    expect(followingIndex(now, 12, before, offset)).toBe(37);
  });

  it("are not linked across planes", () => {
    const axial = stack(10, 0, 1, "1.1");
    const sagittal = stack(10, 0, 1, "1.1", [0, 1, 0, 0, 0, -1]);
    expect(followingIndex(axial, 4, sagittal, null)).toBeNull();
    expect(linkOffsetMm(axial, 4, sagittal, 4)).toBeNull();
  });
});
