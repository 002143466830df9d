import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { contradictingSides } from "@/dicom/imageView";
import { headerPresets, isLowBright, sigmoid, spreadOf, windowMovedTo } from "@/dicom/display/voi";

const header: DicomJson = {
  "00281050": { vr: "DS", Value: [100] },
  "00281051": { vr: "DS", Value: [400] },
  "00281056": { vr: "CS", Value: ["SIGMOID"] },
};

/** As PS3.3 C.11.2.1.3.1 has it, of 0 to 255. */
function grey(value: number): number {
  return 255 / (1 + Math.exp((-4 * (value - 100)) / 400));
}

describe("a sigmoid", () => {
  it("has the brightness of its formula, beyond the ends of its window too", () => {
    const [preset] = headerPresets(header);
    expect(preset?.range).toEqual({ lower: -100, upper: 300 });
    expect(preset?.curve).toBe(sigmoid);
    const { lower, upper } = spreadOf({ lower: -100, upper: 300 }, sigmoid);
    for (const value of [-500, -100, 0, 100, 316, 300, 700]) {
      const at = ((value - lower) / (upper - lower)) * (sigmoid.length - 1);
      const drawn = 255 * (sigmoid[Math.round(at)] ?? NaN);
      expect(Math.abs(drawn - grey(value))).toBeLessThan(1.5);
    }
    expect(255 * (sigmoid[0] ?? NaN)).toBeLessThan(0.5);
    expect(255 * (sigmoid.at(-1) ?? NaN)).toBeGreaterThan(254.5);
  });

  it("is no other function, and does not widen a table or a straight line", () => {
    const [straight] = headerPresets({ ...header, "00281056": { vr: "CS", Value: ["LINEAR_EXACT"] } });
    expect(straight?.curve).toBeUndefined();
    expect(spreadOf({ lower: 0, upper: 9 }, [0, 1, 0.5])).toEqual({ lower: 0, upper: 9 });
    expect(spreadOf({ lower: 0, upper: 9 }, null)).toEqual({ lower: 0, upper: 9 });
  });
});

describe("the window of a plane", () => {
  const window = { lower: -100, upper: 300 };

  it("moves as far as the ends of what a sigmoid is drawn over", () => {
    const drawn = spreadOf(window, sigmoid);
    expect(windowMovedTo(drawn, window, sigmoid)).toEqual(window);
    const dragged = { lower: drawn.lower - 30, upper: drawn.upper + 10 };
    expect(windowMovedTo(dragged, window, sigmoid)).toEqual({ lower: -130, upper: 310 });
  });

  it("is what is drawn where a table or a straight line gives the brightness", () => {
    const dragged = { lower: 0, upper: 20 };
    expect(windowMovedTo(dragged, window, null)).toEqual(dragged);
    expect(windowMovedTo(dragged, window, [0, 1])).toEqual(dragged);
  });

  it("never turns round, however far it is dragged", () => {
    const drawn = spreadOf(window, sigmoid);
    const { lower, upper } = windowMovedTo({ lower: drawn.lower + 350, upper: drawn.upper - 350 }, window, sigmoid);
    expect(upper - lower).toBe(4);
    expect((upper + lower) / 2).toBe(100);
  });
});

describe("the lowest values", () => {
  it.each([
    ["MONOCHROME1", "", true],
    ["MONOCHROME1", "INVERSE", true],
    ["MONOCHROME2", "INVERSE", true],
    ["MONOCHROME2", "IDENTITY", false],
    ["MONOCHROME2", "", false],
  ])("of %s with the shape '%s' are bright: %s", (photometric, shape, expected) => {
    const dataset: DicomJson = {
      "00280004": { vr: "CS", Value: [photometric] },
      "20500020": { vr: "CS", Value: shape === "" ? [] : [shape] },
    };
    expect(isLowBright(dataset)).toBe(expected);
  });
});

describe("the sides of an image and of its series", () => {
  it.each([
    ["R", "L", ["R", "L"]],
    ["R", "R", null],
    ["R", "B", null],
    ["", "L", null],
    ["L", "", null],
  ])("of '%s' and '%s' contradict each other: %j", (series, image, expected) => {
    const dataset: DicomJson = { "00200060": { vr: "CS", Value: [series] }, "00200062": { vr: "CS", Value: [image] } };
    expect(contradictingSides(dataset)).toEqual(expected);
  });
});
