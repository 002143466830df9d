import { describe, expect, it } from "vitest";
import type { Slice } from "@/dicom/geometry";
import { imageViews, viewDescribed } from "@/dicom/imageView";
import { areOriented, breastPlacement, edgeLettersOf, patientOrientationOf } from "@/dicom/patientOrientation";

const orientation = (...Value: string[]) => patientOrientationOf({ "00200020": { vr: "CS", Value } });

describe("a projection", () => {
  it("has the letters of its header at its edges, however it is turned and mirrored", () => {
    const chest = orientation("L", "F");
    if (!chest) throw new Error("An orientation is stated.");
    const upright = { right: "L", left: "R", bottom: "F", top: "H" };
    expect(edgeLettersOf(chest, [0.4, 0, 0, 0.4])).toEqual(upright);
    expect(edgeLettersOf(chest, [-0.4, 0, 0, 0.4])).toEqual({ ...upright, right: "R", left: "L" });
    // A quarter turn clockwise: what was at the left is at the top.
    expect(edgeLettersOf(chest, [0, 0.4, -0.4, 0])).toEqual({ right: "H", left: "F", bottom: "L", top: "R" });
  });

  it("has none where the header says none, or says it of an animal", () => {
    expect(orientation()).toBeNull();
    expect(orientation("CD", "V")).toBeNull();
  });
});

describe("a stack", () => {
  const axial = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } };
  const slice = (dataset: object) => ({ sopInstanceUid: "1.2", frameNumber: 1, positionMm: 0, dataset }) as Slice;

  it("lies in the patient when each of its slices does", () => {
    expect(areOriented([slice(axial), slice(axial)])).toBe(true);
    expect(areOriented([slice(axial), slice({})])).toBe(false);
  });

  it("is gone through once, and not at each turn of the wheel", () => {
    let reads = 0;
    const watched = new Proxy(axial, { get: (header, name) => ((reads += 1), Reflect.get(header, name) as unknown) });
    const slices = Array.from({ length: 700 }, () => slice(watched));
    areOriented(slices);
    const once = reads;
    areOriented(slices);
    expect(once).toBeGreaterThanOrEqual(slices.length);
    expect(reads).toBe(once);
  });
});

describe("a mammogram", () => {
  const placed = (side: "R" | "L", ...letters: string[]) => breastPlacement(side, orientation(...letters));

  it("that lies as it is read stays as it is", () => {
    expect(placed("R", "P", "L")).toEqual({ flipHorizontal: false, flipVertical: false, chestWall: "right", isAtLastColumn: true });
    expect(placed("L", "A", "FR")).toEqual({ flipHorizontal: false, flipVertical: false, chestWall: "left", isAtLastColumn: false });
  });

  it("that lies otherwise is mirrored, the chest wall to the other breast and its upper side up", () => {
    expect(placed("R", "A", "L")).toMatchObject({ flipHorizontal: true, chestWall: "right", isAtLastColumn: false });
    expect(placed("L", "A", "HL")).toMatchObject({ flipHorizontal: false, flipVertical: true });
    expect(placed("L", "P", "L")).toMatchObject({ flipHorizontal: true, flipVertical: true });
    expect(placed("R", "F", "L")).toBeNull();
  });

  it("counts the slices of a view of the breast that are stored one by one, and no projection", () => {
    const slice = (uid: string, view: string, z?: number) => ({
      "00080018": { vr: "UI", Value: [uid] },
      "00080060": { vr: "CS", Value: ["MG"] },
      "00280010": { vr: "US", Value: [64] },
      "00200062": { vr: "CS", Value: ["L"] },
      "00185101": { vr: "CS", Value: [view] },
      ...(z === undefined ? {} : { "00200032": { vr: "DS", Value: [0, 0, z] } }),
    });
    const stored = [slice("1", "CC", 0), slice("2", "CC", 1), slice("3", "MLO", 0), slice("4", "CC")];
    expect(imageViews(stored).map(({ frameCount }) => frameCount)).toEqual([2, 2, 1, 1]);
  });

  it("says its view by its position, by its code, or by the description of its series", () => {
    const code = (value: string, ...modifiers: string[]) => ({
      vr: "SQ",
      Value: [{ "00080100": { vr: "SH", Value: [value] }, "00540222": { vr: "SQ", Value: modifiers.map(() => ({})) } }],
    });
    const image = (more: object) => ({ "00080018": { vr: "UI", Value: ["1.2"] }, "00280010": { vr: "US", Value: [9] }, ...more });
    const views = imageViews([
      image({ "00185101": { vr: "CS", Value: ["MLO"] }, "00200062": { vr: "CS", Value: ["R"] } }),
      image({ "00540220": code("399162004", "spot"), "00200060": { vr: "CS", Value: ["L"] }, "00280008": { vr: "IS", Value: [60] } }),
      { "00080018": { vr: "UI", Value: ["1.3"] } },
    ]);
    expect(views.map(({ laterality, view, isSpecial, frameCount }) => [laterality, view, isSpecial, frameCount])).toEqual([
      ["R", "MLO", false, 1],
      ["L", "CC", true, 60],
    ]);
    expect(viewDescribed("Mammogram L-CC")).toEqual({ laterality: "L", view: "CC" });
    expect(viewDescribed("RMLO")).toEqual({ laterality: "R", view: "MLO" });
    expect(viewDescribed("XRCC of nothing")).toEqual({ laterality: "", view: "" });
  });
});
