import { describe, expect, it } from "vitest";
import { clipAt, clipInstances, frameAt } from "@/dicom/display/clip";
import { averaged, differenceWindow, maskFramesOf, moved, opensSubtracted, statedSubtractions, subtracted, subtractionOfFrame } from "@/dicom/display/subtraction";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";
import type { Slice } from "@/dicom/geometry";

const ds = (...Value: unknown[]): DicomElement => ({ vr: "DS", Value });

function frames(uid: string, count: number, dataset: DicomJson = {}): Slice[] {
  return Array.from({ length: count }, (_, index) => ({ sopInstanceUid: uid, frameNumber: index + 1, dataset, positionMm: null }));
}

describe("clips", () => {
  const slices = [...frames("a", 3, { "00181063": ds(40) }), ...frames("b", 1), ...frames("c", 4, { "00082144": ds(29.97) })];

  it("are the instances with several frames", () => {
    expect(clipInstances(slices)).toEqual(["a", "c"]);
  });

  it("are played within their instance, at the rate of its header and not of whole numbers", () => {
    const clip = clipAt({ slices, axis: null }, 5, null);
    expect([clip.first, clip.count]).toEqual([4, 4]);
    expect(clip.startsMs.at(-1)).toBeCloseTo(4000 / 29.97, 6);
    expect(clipAt({ slices, axis: null }, 1, null).startsMs).toEqual([0, 40, 80, 120]);
    expect(clipAt({ slices, axis: null }, 1, 5).startsMs).toEqual([0, 200, 400, 600]);
    // A single image stands in the whole stack.
    expect(clipAt({ slices, axis: null }, 3, null)).toMatchObject({ first: 0, count: 8 });
    expect(clipAt({ slices, axis: { kind: "time", steps: 4, values: [], unit: "" } }, 6, null)).toMatchObject({ first: 4, count: 4 });
  });

  it("take as long for each frame as the vector of frame times says", () => {
    const timed = frames("v", 4, { "00181065": ds(0, 100, 50, 150) });
    const clip = clipAt({ slices: timed, axis: null }, 0, null);
    expect(clip.startsMs).toEqual([0, 100, 150, 300, 400]);
    expect([0, 99, 100, 149, 150, 299, 300, 399, 400, 505].map((ms) => frameAt(clip, ms))).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 0, 1]);
    // One that does not fit the frames is left aside.
    expect(clipAt({ slices: frames("v", 3, { "00181065": ds(0, 100) }), axis: null }, 0, null).startsMs[1]).toBe(100);
  });
});

describe("digital subtraction", () => {
  const header: DicomJson = {
    "00281090": ds("SUB"),
    "00286100": {
      vr: "SQ",
      Value: [
        { "00286101": ds("AVG_SUB"), "00286110": ds(1, 2), "00286114": ds(0.5, 2), "00286102": ds(3, 5, 8, 9) },
        { "00286101": ds("TID"), "00286120": ds(2) },
        { "00286101": ds("REV_TID") },
        { "00286101": ds("AVG_SUB") },
      ],
    },
  };

  it("is done as the header asks", () => {
    const [fixed, along, ...more] = statedSubtractions(header);
    expect(more).toEqual([]);
    // A positive column offset goes to the left.
    expect(fixed).toEqual({ maskFrames: [1, 2], backBy: 0, right: -2, down: 0.5, ranges: [[3, 5], [8, 9]] });
    if (!fixed || !along) throw new Error("not read");
    // Each frame by the item whose range has it, the others by the one for all frames.
    expect([1, 2, 3, 8, 10].map((frame) => subtractionOfFrame([along, fixed], frame))).toEqual([along, along, fixed, fixed, along]);
    expect(subtractionOfFrame([fixed], 7)).toBeNull();
    const later = { ...fixed, maskFrames: [6], ranges: [[7, 7]] as const };
    expect([3, 7].map((frame) => subtractionOfFrame([fixed, later], frame)?.maskFrames)).toEqual([[1, 2], [6]]);
    expect([2, 3, 5, 6, 9].map((frame) => maskFramesOf(fixed, frame, 10))).toEqual([[], [1, 2], [1, 2], [], [1, 2]]);
    expect([1, 2, 3, 7].map((frame) => maskFramesOf(along, frame, 10))).toEqual([[], [], [1], [5]]);
    expect(maskFramesOf({ ...fixed, maskFrames: [12] }, 3, 10)).toEqual([]);
    expect(opensSubtracted(header)).toBe(true);
    expect(opensSubtracted({ ...header, "00281090": ds("NAT") })).toBe(false);
    expect(opensSubtracted({ "00281090": ds("SUB") })).toBe(false);
  });

  it("moves the mask to the right and down, by parts of pixels too", () => {
    const spot = [0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0];
    expect([...moved(spot, 4, 3, 1, 1)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
    expect([...moved(spot, 4, 3, 0.25, 0)]).toEqual([0, 0, 0, 0, 0, 6, 2, 0, 0, 0, 0, 0]);
    expect([...moved(spot, 4, 3, 0, -0.5)]).toEqual([0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]);
    expect([...moved([1, 1, 1, 1], 2, 2, 5, 3)]).toEqual([1, 1, 1, 1]);
  });

  it("subtracts values, or the logarithms of those that are proportional to the X-rays", () => {
    expect([...averaged([[2, 4], [4, 8]])]).toEqual([3, 6]);
    expect([...subtracted([10, 250, 0], [20, 50, 65535], false)]).toEqual([-10, 200, -32767]);
    expect([...subtracted([100, 200, 0], [200, 100, 1], true)]).toEqual([-693, 693, 0]);
    expect(differenceWindow([0, -5, 3, 2])).toEqual({ lower: -3, upper: 3 });
  });
});
