import { describe, expect, it } from "vitest";
import { frameRateOf } from "@/lib/reading/cine";
import { scaleBar } from "@/lib/reading/scale";
import { warningsOf } from "@/lib/reading/truth";

const oriented = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } };
const spaced = { "00280030": { vr: "DS", Value: [0.5, 0.5] } };

describe("what the screen says of an image", () => {
  it("is nothing where nothing is to be feared", () => {
    expect(warningsOf({ ...oriented, ...spaced })).toEqual([]);
  });

  it("names a spacing that is missing or void, and lossy compression with its ratio", () => {
    expect(warningsOf({ ...oriented, "00280030": { vr: "DS", Value: [0, 0] } })).toEqual([
      "No pixel spacing: lengths in pixels",
    ]);
    const lossy = {
      ...oriented,
      ...spaced,
      "00282110": { vr: "CS", Value: ["01"] },
      "00282112": { vr: "DS", Value: ["12.345"] },
    };
    expect(warningsOf(lossy)).toEqual(["Lossy compression, 12.3 : 1"]);
  });

  it("tells lengths of the detector from those of the patient", () => {
    expect(warningsOf({ "00181164": { vr: "DS", Value: [0.15, 0.15] } })).toEqual([
      "Lengths as on the detector, magnified",
      "No orientation in the header",
    ]);
  });
});

describe("the scale bar", () => {
  it("is a round length that fits", () => {
    expect(scaleBar(0.5)).toEqual({ lengthMm: 50, pixels: 100, text: "5 cm" });
    expect(scaleBar(0.01)).toEqual({ lengthMm: 1, pixels: 100, text: "1 mm" });
    for (const mmPerPixel of [0.0123, 0.3, 0.77, 1.9, 12]) {
      const bar = scaleBar(mmPerPixel);
      expect(bar?.pixels).toBeLessThanOrEqual(120);
      expect(bar?.pixels).toBeGreaterThan(40);
    }
    expect(scaleBar(0)).toBeNull();
  });
});

describe("the rate to play at", () => {
  it("is the header's", () => {
    expect(frameRateOf({ "00082144": { vr: "IS", Value: [25] } })).toBe(25);
    expect(frameRateOf({ "00181063": { vr: "DS", Value: ["33.3"] } })).toBe(30);
    expect(frameRateOf({})).toBe(10);
  });
});
