import { describe, expect, it } from "vitest";
import type { Calibration } from "@/dicom/calibration/calibration";
import { circleAsMeant } from "@/dicom/measurements/foreignCircle";
import type { Measurement, Quantity } from "@/dicom/measurements/measurement";

/** Pixels of 0.9 mm down and 0.4 mm across. */
const wide: Calibration = { source: "pixel_spacing", spacingMm: [0.9, 0.4], aspect: [0.9, 0.4], regions: [], caveats: [] };
const across: [number, number] = [40, 20];
const down: [number, number] = [30, 30];
const ofPixels: [number, number][] = [[30, 10], [30, 30], [20, 20], [40, 20]];

function circle(end: [number, number], ...measured: Quantity[]): Measurement {
  return {
    trackingUid: "1.2", kind: "circle", sopInstanceUid: "1.2.3", frameNumber: 1, points: [[30, 20], end], isClosed: false, label: "",
    measured, obstacle: null, savedAs: [], caveats: [], takenOver: null,
    madeBy: { sopInstanceUid: "1.2.4", title: "", maker: "A workstation", sender: "PACS", trackingUid: "1.2" },
  };
}

const area = (value: number, unit = "mm2"): Quantity => ({ quantity: "area", value, unit });
const radius = (value: number, unit = "mm"): Quantity => ({ quantity: "radius", value, unit });
const perimeter = (value: number): Quantity => ({ quantity: "perimeter", value, unit: "mm" });

describe("a circle of another system on pixels that are not square", () => {
  it.each([
    // Ten columns are 4 mm, ten rows 9 mm.
    ["across", circle(across, area(Math.PI * 16), radius(4))],
    ["down", circle(down, area(Math.PI * 81))],
    ["in cm", circle(down, area(Math.PI * 0.81, "cm2"))],
    ["by its radius", circle(across, radius(0.4, "cm"))],
    ["by its outline", circle(across, perimeter(8 * Math.PI))],
    ["counted in pixels", circle(down, area(248))],
  ])("is one in mm where its report states the size of one: %s", (_, one) => {
    expect(circleAsMeant(one, wide)).toBe(one);
  });

  it.each([
    ["across", circle(across, area(Math.PI * 36))],
    ["down", circle(down, area(Math.PI * 36))],
    // Of half axes of 4 and 9 mm.
    ["by its outline", circle(across, perimeter(42.2))],
    ["by its area, though a radius is stated", circle(down, radius(9), area(Math.PI * 36))],
  ])("is one of pixels where its report states the area of one: %s", (_, one) => {
    const read = circleAsMeant(one, wide);
    expect(read).toMatchObject({ kind: "ellipse", points: ofPixels, measured: one.measured });
    expect(read.isUnclear).toBeUndefined();
  });

  it.each([
    ["nothing", circle(across)],
    ["a value of the pixels alone", circle(across, { quantity: "mean", value: 40, unit: "[hnsf'U]" })],
    ["an area in pixels", circle(across, area(314, "{pixels}2"))],
    ["an area that is that of neither", circle(across, area(900))],
  ])("is one of pixels, and unclear, where its report states %s", (_, one) => {
    expect(circleAsMeant(one, wide)).toMatchObject({ kind: "ellipse", points: ofPixels, isUnclear: true });
  });

  it("stays a circle where pixels are square", () => {
    const one = circle(across);
    expect(circleAsMeant(one, { ...wide, spacingMm: [0.5, 0.5], aspect: [1, 1] })).toBe(one);
    expect(circleAsMeant({ ...one, kind: "length" }, wide).kind).toBe("length");
  });
});
