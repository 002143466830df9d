import { describe, expect, it } from "vitest";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";
import { suvFactorOf } from "@/dicom/display/suv";
import { suvDoubtsOf } from "@/dicom/display/suvDoubts";
import { warningsOf } from "@/features/reader/lib/imageWarnings";

const element = (vr: string, ...Value: unknown[]): DicomElement => ({ vr, Value });

/** F-18 given at 09:00, a series of 10:00, an image of 11:00 that took four minutes. */
const pet: DicomJson = {
  "00080060": element("CS", "PT"),
  "00541001": element("CS", "BQML"),
  "00541102": element("CS", "START"),
  "00101030": element("DS", 70),
  "00080021": element("DA", "20260101"),
  "00080031": element("TM", "100000"),
  "00080022": element("DA", "20260101"),
  "00080032": element("TM", "110000"),
  "00181242": element("IS", 240_000),
  "00280051": element("CS", "DECY", "ATTN"),
  "00540016": element("SQ", {
    "00181072": element("TM", "090000"),
    "00181074": element("DS", 350e6),
    "00181075": element("DS", 6586.2),
  }),
};
const withFactor = (factor: number): DicomJson => ({ ...pet, "00541321": element("DS", factor) });

describe("an SUV", () => {
  it("is in doubt where the decay factor is that to another time", () => {
    // 2^(3600/6586.2), and the mean over the four minutes that follow.
    expect(suvDoubtsOf(withFactor(1.461))).toEqual([]);
    expect(suvDoubtsOf(withFactor(1.479))).toEqual([]);
    expect(suvDoubtsOf(pet)).toEqual([]);
    // Corrected to the image and not to the series: 46 % apart.
    expect(suvFactorOf(withFactor(1))).not.toBeNull();
    expect(suvDoubtsOf(withFactor(1))).toEqual(["decay_factor"]);
    // To the injection.
    expect(suvDoubtsOf(withFactor(2.13))).toEqual(["decay_factor"]);
    expect(suvDoubtsOf({ ...withFactor(2.13), "00541102": element("CS", "ADMIN") })).toEqual([]);
  });

  it("is in doubt where the header maps its values to another one", () => {
    const mapped = (slope: number, intercept = 0, unit = "g/ml{SUVbw}"): DicomJson => ({
      ...pet,
      "00409096": element("SQ", {
        "004008EA": element("SQ", { "00080100": element("SH", unit) }),
        "00409225": element("FD", slope),
        "00409224": element("FD", intercept),
      }),
    });
    const factor = suvFactorOf(pet) ?? NaN;
    expect(suvDoubtsOf(mapped(factor))).toEqual([]);
    expect(suvDoubtsOf(mapped(factor * 1.01))).toEqual([]);
    expect(suvDoubtsOf(mapped(factor * 1.7))).toEqual(["real_world"]);
    expect(suvDoubtsOf(mapped(factor, 0.5))).toEqual(["real_world"]);
    expect(suvDoubtsOf(mapped(factor * 1.7, 0, "Bq/ml"))).toEqual([]);
    expect(warningsOf(mapped(factor * 1.7)).join()).toContain("gives another value");
  });

  it("that there is none of is in no doubt", () => {
    expect(suvDoubtsOf({ ...withFactor(1), "00101030": element("DS") })).toEqual([]);
    expect(suvDoubtsOf({})).toEqual([]);
  });
});
