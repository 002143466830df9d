import { describe, expect, it } from "vitest";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { frameRateOf } from "@/dicom/display/cine";
import { mmPerScreenPixel, scaleBar } from "@/features/reader/lib/measurements/scale";
import { warningsOf } from "@/features/reader/lib/imageWarnings";

const oriented = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } };
const spaced = { "00280030": { vr: "DS", Value: [0.5, 0.5] } };

describe("what the screen says of an image", () => {
  it("is nothing where nothing is to be feared", () => {
    expect(warningsOf({ ...oriented, ...spaced })).toEqual([]);
  });

  it("names a spacing that is missing or void, and lossy compression with its ratio", () => {
    expect(warningsOf({ ...oriented, "00280030": { vr: "DS", Value: [0, 0] } })).toEqual([
      "The pixel spacing in the header is not valid",
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

  it("names two ages of one patient, and a birth after the study", () => {
    const patient = (born: string, age: string) =>
      warningsOf({
        ...oriented,
        ...spaced,
        "00080020": { vr: "DA", Value: ["20260615"] },
        "00100030": { vr: "DA", Value: [born] },
        "00101010": { vr: "AS", Value: [age] },
      });
    expect(patient("19700101", "003Y")).toEqual([
      "Birth date (56 y at the study) and stated age (3 y) contradict each other: check whose images these are",
    ]);
    expect(patient("20260101", "018M")).toEqual([
      "Birth date (5 mo at the study) and stated age (18 mo) contradict each other: check whose images these are",
    ]);
    expect(patient("20301231", "050Y")).toEqual([
      "The birth date lies after the date of the study: check whose images these are",
    ]);
    // That of the day when the study was planned, one that is rounded up, a placeholder, and no day.
    for (const [born, age] of [["19700101", "055Y"], ["19700101", "057Y"], ["19000101", "050Y"], ["19700231", "003Y"], ["19700101", ""]] as const) {
      expect(patient(born, age), `${born} ${age}`).toEqual([]);
    }
  });

  it("tells lengths of the detector from those of the patient", () => {
    expect(warningsOf({ "00181164": { vr: "DS", Value: [0.15, 0.15] } })).toEqual([
      "Calibrated at the detector, not corrected for magnification",
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

  it("has the scale of the image as it is turned, and none where the image has none", () => {
    // 0.2 mm high and 0.1 mm wide, each column drawn 2 and each row 4 screen pixels wide.
    const mammogram = calibrationOf({ "00181164": { vr: "DS", Value: [0.2, 0.1] } });
    expect(mmPerScreenPixel(mammogram, [2, 0, 0, 4, 10, 20])).toBeCloseTo(0.05, 12);
    // By a quarter turn: a row runs down the screen, and a column across it.
    expect(mmPerScreenPixel(mammogram, [0, 2, -4, 0, 10, 20])).toBeCloseTo(0.05, 12);
    expect(mmPerScreenPixel(calibrationOf({}), [2, 0, 0, 2, 0, 0])).toBeNull();
    // Drawn with square pixels, a bar would be true across alone.
    expect(mmPerScreenPixel(mammogram, [2, 0, 0, 2, 10, 20])).toBeNull();
    expect(mmPerScreenPixel(mammogram, [0, 2, -2, 0, 10, 20])).toBeNull();
  });
});

describe("the rate to play at", () => {
  it("is the header's", () => {
    expect(frameRateOf({ "00082144": { vr: "IS", Value: [25] } })).toBe(25);
    expect(frameRateOf({ "00181063": { vr: "DS", Value: ["33.3"] } })).toBe(30);
    expect(frameRateOf({})).toBe(10);
  });
});
