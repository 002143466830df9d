import { describe, expect, it } from "vitest";
import type { StackCell } from "@/lib/cornerstone/cell";
import { Links } from "@/lib/cornerstone/links";
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

describe("linked stacks on the screen", () => {
  function cell(viewId: string, slices: Slice[], index: number): StackCell {
    const shown = {
      viewId,
      index,
      isShown: true,
      series: { order: { slices }, imageIds: slices.map(({ sopInstanceUid }) => sopInstanceUid) },
      goToIndex: (wanted: number) => {
        shown.index = wanted;
        return Promise.resolve();
      },
    };
    return shown as unknown as StackCell;
  }

  it("open where the leader has gone meanwhile, counted from the middles", () => {
    const cells = [cell("cell-1", stack(50, 0, 2, "1.1"), 25)];
    const links = new Links(() => cells);
    links.set(true);
    const [leader] = cells as [StackCell];
    // The leader went to its mask before the earlier study came: 8 mm up.
    void leader.goToIndex(29);
    links.follow(leader);
    const prior = cell("cell-2", stack(40, 300, 4, "1.2"), 20);
    cells.push(prior);
    links.opened(prior, leader, true);
    expect(prior.index).toBe(22);
    void leader.goToIndex(33);
    links.follow(leader);
    expect(prior.index).toBe(24);
  });

  it("stay where they were looked at last, and where they are not linked", () => {
    for (const [linked, isAnew] of [[true, false], [false, true]] as const) {
      const leader = cell("cell-1", stack(50, 0, 2, "1.1"), 40);
      const prior = cell("cell-2", stack(50, 0, 2, "1.1"), 7);
      const links = new Links(() => [leader, prior]);
      links.set(linked);
      links.opened(prior, leader, isAnew);
      expect(prior.index).toBe(7);
    }
  });
});
