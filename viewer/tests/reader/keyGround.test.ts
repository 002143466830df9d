import { describe, expect, it } from "vitest";
import type { ViewInfo } from "@/cornerstone";
import type { Slice, Vector } from "@/dicom/geometry";
import { matrixOf, pictureKey, placeFrom, planeGround } from "@/features/reader/lib/stage/keyGround";
import { onImage, onScreen } from "@/features/reader/lib/stage/keySteps";

/** Axial slices, 2 mm apart, of 0.5 mm down and 0.25 mm across. */
const slices: Slice[] = [0, 1, 2].map((at) => ({
  sopInstanceUid: `1.2.${at}`,
  frameNumber: 1,
  positionMm: 2 * at,
  dataset: {
    "00080060": { vr: "CS", Value: ["CT"] },
    "00280010": { vr: "US", Value: [100] },
    "00280011": { vr: "US", Value: [200] },
    "00280030": { vr: "DS", Value: [0.5, 0.25] },
    "00200032": { vr: "DS", Value: [-25, -25, 2 * at] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
  },
}));

/** A plane on a screen of 400 by 300, 0.1 mm for each of its pixels. */
function shown(isReformat: boolean, origin: Vector, nextColumn: Vector, nextRow: Vector): ViewInfo {
  const screen = { origin, nextColumn, nextRow, columns: 400, rows: 300 };
  return { isReformat, sliceNumber: 2, plane: { screen } } as unknown as ViewInfo;
}

const axial = shown(false, [-20, -15, 2], [0.1, 0, 0], [0, 0.1, 0]);
const coronal = shown(true, [-20, 3, 30], [0.1, 0, 0], [0, 0, -0.1]);

describe("what a cursor lies on in a plane through a volume", () => {
  it("is the image that the plane shows, with its pixels", () => {
    const ground = planeGround(axial, slices);
    expect(ground?.slice).toBe(slices[1]);
    const matrix = ground && matrixOf(axial, ground);
    if (!matrix) throw new Error("no matrix");
    // The first pixel's middle is at -25, -25 in the patient, that is 50 and 100 screen pixels off.
    expect(onScreen([0.5, 0.5], matrix).map((one) => Number(one.toFixed(6)))).toEqual([-49.5, -99.5]);
    expect(onScreen([20.5, 20.5], matrix).map((one) => Number(one.toFixed(6)))).toEqual([0.5, 0.5]);
  });

  it("is what a cut shows that is none of the images, counted in steps alike across and down", () => {
    const ground = planeGround(coronal, slices);
    expect(ground).toMatchObject({ slice: null });
    expect([ground?.columns, ground?.rows].map((one) => Number(one?.toFixed(6)))).toEqual([160, 120]);
    const matrix = ground && matrixOf(coronal, ground);
    if (!matrix) throw new Error("no matrix");
    expect(onScreen([0, 0], matrix).map((one) => Math.round(one * 1e6) / 1e6 + 0)).toEqual([0, 0]);
    expect(onImage([400, 300], matrix).map((one) => Number(one.toFixed(6)))).toEqual([160, 120]);
  });

  it("keeps the cursor's place in the patient from slice to slice, and on a moved picture", () => {
    const next = { ...axial, sliceNumber: 3, plane: { screen: { ...axial.plane?.screen, origin: [-20, -15, 4] } } } as unknown as ViewInfo;
    const [ground, after] = [planeGround(axial, slices), planeGround(next, slices)];
    if (!ground || !after) throw new Error("no ground");
    expect(placeFrom(ground, [40, 50], after)).toEqual([40, 50]);
    const moved = shown(true, [-18, 3, 30], [0.1, 0, 0], [0, 0, -0.1]);
    const [cut, shifted] = [planeGround(coronal, slices), planeGround(moved, slices)];
    if (!cut || !shifted) throw new Error("no cut");
    expect(placeFrom(cut, [50, 50], shifted).map((one) => Number(one.toFixed(6)))).toEqual([42, 50]);
    expect(pictureKey(moved)).toBe(pictureKey(coronal));
    expect(pictureKey(shown(true, [-18, 4, 30], [0.1, 0, 0], [0, 0, -0.1]))).not.toBe(pictureKey(coronal));
  });
});
