import { describe, expect, it } from "vitest";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { isTrueSize, trueMmPerDrawnMm } from "@/dicom/calibration/trueSize";

const spacing = (value: number[]) => ({ vr: "DS", Value: value });

describe("a millimetre of the patient in that of the world that is drawn", () => {
  it("is one where an image is drawn by its own spacing, corrected for magnification", () => {
    const film = calibrationOf({ "00080060": { vr: "CS", Value: ["MG"] }, "00181164": spacing([0.1, 0.1]), "00181114": spacing([1.25]) });
    expect(trueMmPerDrawnMm(film, { rowSpacing: 0.08, columnSpacing: 0.08 })).toBeCloseTo(1, 12);
  });

  it("is another where the image was calibrated otherwise than it is drawn, as within ultrasound regions", () => {
    const film = calibrationOf({ "00280030": spacing([0.3, 0.2]) });
    expect(trueMmPerDrawnMm(film, { rowSpacing: 3, columnSpacing: 2 })).toBeCloseTo(0.1, 12);
  });

  it("is not known of pixels of unknown size, nor where the two directions differ", () => {
    expect(trueMmPerDrawnMm(calibrationOf({}), { rowSpacing: 1, columnSpacing: 1 })).toBeNull();
    expect(trueMmPerDrawnMm(calibrationOf({ "00280030": spacing([0.3, 0.2]) }), { rowSpacing: 1, columnSpacing: 1 })).toBeNull();
  });

  it("is true size within two parts in a thousand", () => {
    expect([isTrueSize(0.2649, 0.265), isTrueSize(0.27, 0.265), isTrueSize(0.26, 0.265)]).toEqual([true, false, false]);
  });
});
