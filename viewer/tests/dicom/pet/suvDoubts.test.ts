import { describe, expect, it } from "vitest";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";
import { suvFactorOf } from "@/dicom/pet/suv";
import { suvDoubtsOf } from "@/dicom/pet/suvDoubts";
import { suvCaveatsOf } from "@/dicom/pet/suvCaveats";
import { caveatText, type Measurement } from "@/dicom/measurements/measurement";
import { measurementSentence } from "@/features/reader/lib/measurements/measurementSentence";
import { measurementTable } from "@/features/reader/lib/measurements/measurementTable";
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

const circle: Measurement = {
  trackingUid: "2.25.1",
  kind: "circle",
  sopInstanceUid: "1.2.3",
  frameNumber: 1,
  points: [
    [5, 5],
    [8, 5],
  ],
  isClosed: false,
  label: "Node",
  measured: [
    { quantity: "area", value: 120, unit: "mm2" },
    { quantity: "maximum", value: 8.4, unit: "g/ml{SUVbw}" },
  ],
  obstacle: null,
  savedAs: [],
  caveats: ["by_hand"],
  madeBy: null,
  takenOver: null,
};
const place = { seriesNumber: 3, imageNumber: 21, frameNumber: null };

describe("a value of a PET in rows and lists", () => {
  const doubted = { ...circle, valueCaveats: suvCaveatsOf(withFactor(1)) };

  it("carries what speaks against its SUV into row, table and report", () => {
    expect(caveatText(doubted)).toBe(
      "Calibrated by hand, on an object of stated length; true at its depth only; SUV in doubt: the decay factor in the header belongs to another time than the start of the series",
    );
    const [, area, maximum] = measurementTable([doubted], () => place).split("\r\n");
    expect([area?.includes("Calibrated by hand"), area?.includes("SUV in doubt")]).toEqual([true, false]);
    expect([maximum?.includes("Calibrated by hand"), maximum?.includes("SUV in doubt")]).toEqual([false, true]);
    expect(measurementSentence(doubted, place, "en")).toContain("; SUV in doubt: the decay factor");
    expect(measurementSentence(doubted, place, "de")).toMatch(/; SUV [^;]*\)\.$/);
  });

  it("states why there is no SUV, and nothing of a shape without values", () => {
    const weightless = suvCaveatsOf({ ...pet, "00101030": element("DS") });
    const measured = [{ quantity: "maximum", value: 21_000, unit: "Bq/ml" }];
    const one = { ...circle, measured, caveats: [], valueCaveats: weightless };
    expect(caveatText(one)).toBe("No SUV: the patient's weight is missing or not plausible");
    expect(measurementSentence(one, place, "en")).toContain("; no SUV: the patient's weight");
    expect(caveatText({ ...one, measured: [{ quantity: "length", value: 12, unit: "mm" }] })).toBe("");
    expect(suvCaveatsOf({ "00080060": element("CS", "CT") })).toEqual([]);
    expect(suvCaveatsOf(pet)).toEqual([]);
  });
});

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
