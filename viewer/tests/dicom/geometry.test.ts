import { describe, expect, it } from "vitest";
import { forDrawing } from "@/dicom/calibration/calibration";
import type { DicomJson } from "@/dicom/dicomweb";
import { asSingleFrame } from "@/dicom/frameHeader";
import {
  directionLetters,
  edgeLetters,
  hasOrientation,
  lpsOfPixel,
  nearestSlice,
  type Vector,
} from "@/dicom/geometry";
import { orderSlices } from "@/dicom/sliceOrder";

const axial = [1, 0, 0, 0, 1, 0];

function slice(number: number, position: number[] | null, changes: DicomJson = {}): DicomJson {
  return {
    "00080018": { vr: "UI", Value: [`1.2.${number}`] },
    "00200013": { vr: "IS", Value: [number] },
    "00280010": { vr: "US", Value: [384] },
    "00280011": { vr: "US", Value: [274] },
    "00280030": { vr: "DS", Value: [0.667, 0.7] },
    "00200037": { vr: "DS", Value: axial },
    ...(position ? { "00200032": { vr: "DS", Value: position } } : {}),
    ...changes,
  };
}

function numbers(order: ReturnType<typeof orderSlices>): number[] {
  return order.slices.map((one) => Number(one.sopInstanceUid.split(".").at(-1)));
}

describe("ordering slices", () => {
  it("leaves out an image that states frames without end, and says so", () => {
    const endless = slice(4, [0, 0, 40], { "00280008": { vr: "IS", Value: [50_000_000] } });
    const order = orderSlices([slice(1, [0, 0, 30]), endless, slice(2, [0, 0, 10]), slice(3, [0, 0, 20])]);
    expect(numbers(order)).toEqual([2, 3, 1]);
    expect(order.notice).toContain("more than 100,000 frames");
    expect(orderSlices([endless]).slices).toEqual([]);
  });

  it("follows the position along the normal, not the instance number or the order of arrival", () => {
    const order = orderSlices([slice(1, [0, 0, 30]), slice(2, [0, 0, 10]), slice(3, [0, 0, 20])]);
    expect(numbers(order)).toEqual([2, 3, 1]);
    expect(order.notice).toBe("");
    expect(order.volumeRefusal).toBe("");
  });

  it("projects on the normal of an oblique plane", () => {
    // Sagittal: row towards P, column towards F, so the normal points to the patient's right.
    const sagittal = { "00200037": { vr: "DS", Value: [0, 1, 0, 0, 0, -1] } };
    const order = orderSlices([
      slice(1, [5, 900, 0], sagittal),
      slice(2, [15, -900, 0], sagittal),
      slice(3, [10, 0, 0], sagittal),
    ]);
    expect(numbers(order)).toEqual([2, 3, 1]);
  });

  it("reads decimal strings as numbers", () => {
    const text = (z: string) => ({ "00200032": { vr: "DS", Value: ["0", "0", z] } });
    expect(numbers(orderSlices([slice(1, null, text("9.5")), slice(2, null, text("-10"))]))).toEqual([2, 1]);
  });

  it("falls back to the instance number without positions, and says so", () => {
    const order = orderSlices([slice(3, null), slice(1, null), slice(2, null)]);
    expect(numbers(order)).toEqual([1, 2, 3]);
    expect(order.notice).toContain("ordered by instance number");
    expect(order.volumeRefusal).not.toBe("");
  });

  it("does not stack planes that are not parallel", () => {
    const coronal = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, 0, -1] } };
    const order = orderSlices([slice(1, [0, 0, 0]), slice(2, [0, 0, 5], coronal), slice(3, [0, 0, 9])]);
    expect(order.volumeRefusal).toContain("parallel");
  });

  it("refuses a volume with a gap and names the slices", () => {
    const order = orderSlices([0, 2.5, 5, 10, 12.5, 15].map((z, index) => slice(index, [0, 0, z])));
    expect(order.volumeRefusal).toContain("Slices 3 and 4 are 5.0 mm apart; the rest are 2.5 mm.");
  });

  it("names places of a stack where images may be missing, and none where the distances were planned so", () => {
    const at = (places: number[]) => orderSlices(places.map((z, index) => slice(index, [0, 0, z]))).notice;
    expect(at([0, 2.5, 5, 10, 12.5, 15])).toBe("Images may be missing: 3 and 4 are 5.0 mm apart, most others 2.5 mm.");
    const chest = Array.from({ length: 100 }, (_, index) => 3 * index);
    expect(at(chest)).toBe("");
    expect(at(chest.filter((_, index) => index !== 50 && index !== 70))).toBe(
      "Images may be missing: 50 and 51 are 6.0 mm apart, most others 3.0 mm; likewise at 1 more place.",
    );
    // Thin through the posterior fossa, thick above it; and three localizers.
    expect(at([0, 2, 4, 6, 8, 10, 12, 20, 28, 36, 44])).toBe("");
    expect(at([0, 10, 40])).toBe("");
  });

  it("refuses a volume of a tilted gantry, whose slices are a stack all the same", () => {
    const tilt = (20 * Math.PI) / 180;
    const cosines = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, Math.cos(tilt), Math.sin(tilt)] } };
    const order = orderSlices([0, 3, 6, 9].map((z, index) => slice(index, [0, 0, z], cosines)));
    expect(order.volumeRefusal).toContain("shifted against each other by up to 3.1 mm");
    expect(order.stackRefusal).toBe("");
  });

  it("refuses a volume of pixels of several sizes, turned slices, and several frames of reference", () => {
    const of = (more: (index: number) => DicomJson) => orderSlices([0, 3, 6, 9].map((z, index) => slice(index, [0, 0, z], more(index))));
    const larger = of((index) => (index > 1 ? { "00280030": { vr: "DS", Value: [1.5, 1.547] } } : {}));
    expect(larger.stackRefusal).toMatch(/measure [\d.]+ × [\d.]+ mm, those of others 1.500 × 1.547 mm/);
    const turned = of((index) => (index > 1 ? { "00200037": { vr: "DS", Value: [-1, 0, 0, 0, -1, 0] } } : {}));
    expect(turned.stackRefusal).toContain("turned within their plane");
    const moved = of((index) => ({ "00200052": { vr: "UI", Value: [index > 1 ? "2.25.2" : "2.25.1"] } }));
    expect(moved.volumeRefusal).toContain("2 frames of reference");
    expect(moved.stackRefusal).toBe("");
  });

  it("makes a volume of oblique slices straight above each other, positions rounded", () => {
    const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
    const cosines = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, c, s] } };
    const at = (mm: number) => [0.02, Number((-s * mm).toFixed(2)), Number((c * mm).toFixed(2))];
    const order = orderSlices([0, 3, 6, 9].map((mm, index) => slice(index, at(mm), cosines)));
    expect(order.volumeRefusal).toBe("");
  });

  it("refuses a volume without pixel spacing", () => {
    const without = { "00280030": undefined };
    const order = orderSlices([0, 1, 2].map((z) => slice(z, [0, 0, z], without)));
    expect(order.hasPixelSpacing).toBe(false);
    expect(order.volumeRefusal).toContain("Pixel Spacing");
  });

  it("treats a spacing of zero as missing", () => {
    const zero = { "00280030": { vr: "DS", Value: [0, 0] } };
    expect(orderSlices([slice(1, [0, 0, 0], zero)]).hasPixelSpacing).toBe(false);
  });

  it("opens a multi-frame image frame by frame", () => {
    const order = orderSlices([slice(1, null, { "00280008": { vr: "IS", Value: [3] } })]);
    expect(order.slices.map((one) => one.frameNumber)).toEqual([1, 2, 3]);
  });

  it("leaves out instances without pixels", () => {
    expect(orderSlices([slice(1, null, { "00280010": undefined })]).slices).toEqual([]);
  });
});

describe("a pixel in the patient", () => {
  it("steps a column's width along the row and a row's height down the column", () => {
    const dataset = slice(1, [-90, -100, 30]);
    const [x, y, z] = lpsOfPixel(dataset, 10, 100) as Vector;
    expect(x).toBeCloseTo(-90 + 10 * 0.7);
    expect(y).toBeCloseTo(-100 + 100 * 0.667);
    expect(z).toBeCloseTo(30);
  });
});

describe("orientation letters", () => {
  it("puts the patient's left on the right of an axial image seen from the feet", () => {
    expect(edgeLetters([1, 0, 0], [0, 1, 0])).toEqual({ top: "A", right: "L", bottom: "P", left: "R" });
  });

  it("names a coronal view with the head up", () => {
    expect(edgeLetters([1, 0, 0], [0, 0, -1])).toEqual({ top: "H", right: "L", bottom: "F", left: "R" });
  });

  it("keeps one letter for a slight tilt and adds one for a real one", () => {
    expect(directionLetters([0.999, -0.02, 0.04])).toBe("L");
    expect(directionLetters([0, 0.8, 0.6])).toBe("PH");
  });
});

describe("the slice nearest to a point", () => {
  const { slices } = orderSlices([0, 2.5, 5].map((z, index) => slice(index, [0, 0, z])));

  it("is found along the normal", () => {
    expect(nearestSlice(slices, [70, -30, 3.6])).toBe(1);
    expect(nearestSlice(slices, [0, 0, 900])).toBe(2);
  });

  it("is unknown without positions", () => {
    expect(nearestSlice(orderSlices([slice(1, null)]).slices, [0, 0, 0])).toBeNull();
  });
});

describe("an enhanced image", () => {
  const item = (value: DicomJson) => ({ vr: "SQ", Value: [value] });
  const at = (z: number) => ({ "00209113": item({ "00200032": { vr: "DS", Value: [0, 0, z] } }) });
  const enhanced = (...positions: number[]) =>
    slice(1, null, {
      "00200037": undefined,
      "00280030": undefined,
      "00280008": { vr: "IS", Value: [positions.length] },
      "52009229": item({
        "00209116": item({ "00200037": { vr: "DS", Value: axial } }),
        "00289110": item({ "00280030": { vr: "DS", Value: [0.5, 0.6] } }),
        "00289145": item({ "00281052": { vr: "DS", Value: [-1000] } }),
      }),
      "52009230": { vr: "SQ", Value: positions.map(at) },
    });

  it("has each frame's place, spacing and rescale in its functional groups", () => {
    const order = orderSlices([enhanced(4, 0, 2)]);
    expect(order.slices.map((one) => one.frameNumber)).toEqual([2, 3, 1]);
    expect(order.volumeRefusal).toBe("");
    const [first] = order.slices;
    expect(hasOrientation(first?.dataset ?? {})).toBe(true);
    expect(lpsOfPixel(first?.dataset ?? {}, 10, 10)).toEqual([6, 5, 0]);
    expect(first?.dataset["00281052"]?.Value).toEqual([-1000]);
  });

  it("keeps its order where frames share a place, and forms no volume", () => {
    const order = orderSlices([enhanced(2, 0, 2, 0)]);
    expect(order.slices.map((one) => one.frameNumber)).toEqual([1, 2, 3, 4]);
    expect(order.volumeRefusal).not.toBe("");
  });

  it("is ordered by position beside another one of the same places", () => {
    const other = { ...enhanced(0, 1, 2), "00080018": { vr: "UI", Value: ["1.2.7"] } };
    const order = orderSlices([enhanced(2, 1, 0), other]);
    const shown = order.slices.map((one) => `${one.sopInstanceUid} ${one.frameNumber}`);
    expect(shown).toEqual(["1.2.1 3", "1.2.1 2", "1.2.1 1", "1.2.7 1", "1.2.7 2", "1.2.7 3"]);
  });

  it("leaves its header for one frame as if there were no other", () => {
    const [first] = orderSlices([enhanced(0, 1)]).slices;
    expect(asSingleFrame(first?.dataset ?? {})["00280008"]).toBeUndefined();
  });
});

describe("a radiograph", () => {
  const radiograph = slice(1, null, { "00200037": undefined, "00280030": { vr: "DS", Value: [0, 0] } });

  it("has no orientation letters, and is drawn without a spacing of zero", () => {
    expect(hasOrientation(radiograph)).toBe(false);
    expect(forDrawing(radiograph)["00280030"]).toBeUndefined();
  });
});
