import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { bodyOf, leanBodyMassKg, leanFactorOf } from "@/dicom/pet/leanBodyMass";

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value });
const header = (sex: string, heightM: number | null, weightKg: number | null): DicomJson => ({
  "00100040": value("CS", sex),
  ...(heightM === null ? {} : { "00101020": value("DS", heightM) }),
  ...(weightKg === null ? {} : { "00101030": value("DS", weightKg) }),
});

describe("lean body mass", () => {
  it("is that of the formulas, worked out by hand", () => {
    // BMI 80 / 1.8² = 24.691: 9270 · 80 / (6680 + 216 · 24.691) and 1.10 · 80 - 128 · (80 / 180)².
    const man = { sex: "M", heightM: 1.8, weightKg: 80 } as const;
    expect(leanBodyMassKg(man, "janmahasatian")).toBeCloseTo(61.731, 2);
    expect(leanBodyMassKg(man, "james")).toBeCloseTo(62.716, 2);
    // BMI 65 / 1.65² = 23.875: 9270 · 65 / (8780 + 244 · 23.875) and 1.07 · 65 - 148 · (65 / 165)².
    const woman = { sex: "F", heightM: 1.65, weightKg: 65 } as const;
    expect(leanBodyMassKg(woman, "janmahasatian")).toBeCloseTo(41.255, 2);
    expect(leanBodyMassKg(woman, "james")).toBeCloseTo(46.582, 2);
    expect(leanFactorOf(header("F", 1.65, 65), "james")).toBeCloseTo(46.582 / 65, 4);
  });

  it("by James is refused where a heavier patient would be leaner; Janmahasatian goes on", () => {
    // Its top lies at 1.07 · H² / 296: 96.3 kg for 163.2 cm.
    const heavy = { sex: "F", heightM: 1.632, weightKg: 97 } as const;
    expect(leanBodyMassKg(heavy, "james")).toBe("formula");
    expect(leanBodyMassKg({ ...heavy, weightKg: 95 }, "james")).toBeCloseTo(51.5, 1);
    expect(leanBodyMassKg(heavy, "janmahasatian")).toBeCloseTo(50.9, 1);
  });

  it("is not there without sex, height or weight, nor of what no adult has", () => {
    expect(bodyOf(header("O", 1.8, 80))).toBe("sex");
    expect(bodyOf(header("M", null, 80))).toBe("height");
    expect(bodyOf(header("M", 0, 80))).toBe("height");
    expect(bodyOf(header("M", 1.8, null))).toBe("weight");
    // Height in cm, weight in g, a child.
    expect(bodyOf(header("M", 180, 80))).toBe("adult");
    expect(bodyOf(header("M", 1.8, 80_000))).toBe("adult");
    expect(bodyOf(header("F", 1.1, 20))).toBe("adult");
  });
});
