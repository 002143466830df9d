import { describe, expect, it } from "vitest";
import type { StackCell } from "@/cornerstone/views/cell";
import { Links } from "@/cornerstone/views/links";
import type { Slice } from "@/dicom/geometry";
import { orderSlices } from "@/dicom/sliceOrder";
import {
  beyondMm,
  followingIndex,
  followingPan,
  isLikeWindow,
  isMoved,
  linkOffsetMm,
  openingIndex,
  sharesSpace,
  windowFor,
} from "@/dicom/linking";

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

  it("name how far away the nearest slice is where one ends before the other, or has a hole", () => {
    const chest = stack(100, 0, 3, "1.1");
    const heart = stack(20, 60, 5, "1.1");
    // 177 mm, where the heart's last slice lies at 155.
    expect(followingIndex(chest, 59, heart, null)).toBe(19);
    expect(beyondMm(chest, 59, heart, null)).toBe(22);
    expect(beyondMm(chest, 53, heart, null)).toBeNull();
    expect(beyondMm(chest, 0, heart, null)).toBe(60);
    const holed = heart.filter((_, index) => index < 8 || index > 11);
    expect(beyondMm(chest, 36, holed, null)).toBe(12);
    // Another frame of reference, linked with its first slice beside the tenth.
    const before = stack(20, 500, 5, "1.2");
    expect(beyondMm(chest, 0, before, linkOffsetMm(chest, 10, before, 0))).toBe(30);
    expect(beyondMm(chest, 12, before, linkOffsetMm(chest, 10, before, 0))).toBeNull();
  });

  it("are not linked across planes", () => {
    const axial = stack(10, 0, 1, "1.1");
    const sagittal = stack(10, 0, 1, "1.1", [0, 1, 0, 0, 0, -1]);
    expect(followingIndex(axial, 4, sagittal, null)).toBeNull();
    expect(linkOffsetMm(axial, 4, sagittal, 4)).toBeNull();
  });
});

describe("zoom, pan and window of linked stacks", () => {
  const view = { focalPoint: [10, 20, 30], normal: [0, 0, -1], scale: 0.5 } as const;
  const at = (change: object) => ({ focalPoint: [...view.focalPoint], normal: [...view.normal], scale: 0.5, ...change }) as Parameters<typeof isMoved>[0];

  it("are told apart from scrolling", () => {
    expect(isMoved(at({}), at({ focalPoint: [10, 20, 35] }))).toBe(false);
    expect(isMoved(at({}), at({ focalPoint: [10.5, 20, 35] }))).toBe(true);
    expect(isMoved(at({}), at({ scale: 0.4 }))).toBe(true);
  });

  it("go to the same place of the patient within the target's own plane", () => {
    expect(followingPan(at({ focalPoint: [15, 18, 30] }), at({ focalPoint: [10, 20, 90] }), [0, 0, 0])).toEqual([5, -2, 0]);
    expect(followingPan(at({ focalPoint: [15, 18, 30] }), at({ focalPoint: [10, 20, 90] }), [1, 1, 7])).toEqual([6, -1, 0]);
  });

  const soft = { lower: -160, upper: 240 };
  const lung = { lower: -1350, upper: 150 };

  it("keep a CT's numbers, and map those of MR by what each series opened with", () => {
    const ct = { modality: "CT", opening: soft };
    expect(windowFor({ lower: 0, upper: 80 }, ct, { modality: "CT", opening: lung })).toEqual({ lower: 0, upper: 80 });
    const first = { modality: "MR", opening: { lower: 0, upper: 100 } };
    const second = { modality: "MR", opening: { lower: 200, upper: 1200 } };
    expect(windowFor({ lower: 10, upper: 60 }, first, second)).toEqual({ lower: 300, upper: 800 });
    expect(windowFor(soft, ct, second)).toBeNull();
  });

  it("leave a lung window beside a soft tissue window", () => {
    expect(isLikeWindow(soft, { lower: -135, upper: 215 })).toBe(true);
    expect(isLikeWindow(soft, lung)).toBe(false);
    expect(isLikeWindow({ lower: 0, upper: 80 }, { lower: 250, upper: 330 })).toBe(false);
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

  it("keep an offset that was adjusted by hand, also within one frame of reference", () => {
    const cells = [cell("cell-1", stack(50, 0, 2, "1.1"), 20), cell("cell-2", stack(50, 0, 2, "1.1"), 20)];
    const links = new Links(() => cells);
    const [leader, other] = cells as [StackCell, StackCell];
    links.set(true);
    links.adjust(true);
    void other.goToIndex(23);
    links.follow(other);
    expect(leader.index).toBe(20);
    links.adjust(false);
    expect(links.adjustedMm).toBe(6);
    void leader.goToIndex(30);
    links.follow(leader);
    expect(other.index).toBe(33);
    links.resetOffset(leader);
    expect([other.index, links.adjustedMm]).toEqual([30, 0]);
  });

  it("say that they have no slice at the linked place, until they are moved by themselves or unlinked", () => {
    const cells = [cell("cell-1", stack(50, 0, 2, "1.1"), 10), cell("cell-2", stack(10, 20, 2, "1.1"), 0)];
    const [leader, other] = cells as [StackCell, StackCell];
    const marks: Record<string, number | null> = {};
    const links = new Links(
      () => cells,
      (viewId, mm) => (marks[viewId] = mm),
    );
    links.set(true);
    void leader.goToIndex(40);
    links.follow(leader);
    expect([other.index, marks["cell-2"]]).toEqual([9, 42]);
    void leader.goToIndex(18);
    links.follow(leader);
    expect([other.index, marks["cell-2"]]).toEqual([8, null]);
    void leader.goToIndex(0);
    links.follow(leader);
    expect(marks["cell-2"]).toBe(20);
    links.set(false);
    expect(marks["cell-2"]).toBeNull();
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

describe("a series", () => {
  it("opens in the middle of what lies in space, and with the first frame of a film", () => {
    expect(openingIndex(stack(20, 0, 1, "1.1"))).toBe(10);
    const film = Array.from({ length: 20 }, (_, index): Slice => ({ sopInstanceUid: "1.2", frameNumber: index + 1, dataset: {}, positionMm: null }));
    expect(openingIndex(film)).toBe(0);
    expect(openingIndex([])).toBe(0);
  });
});
