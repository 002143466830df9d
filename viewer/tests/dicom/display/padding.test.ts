import { describe, expect, it } from "vitest";
import { asOneRange, commonPaddings } from "@/dicom/display/padding";
import type { DicomJson } from "@/dicom/dicomweb";

function header(modality: string, padding?: number, limit?: number): DicomJson {
  return {
    "00080060": { vr: "CS", Value: [modality] },
    "00280100": { vr: "US", Value: [16] },
    "00280103": { vr: "US", Value: [1] },
    ...(padding !== undefined && { "00280120": { vr: "SS", Value: [padding] } }),
    ...(limit !== undefined && { "00280121": { vr: "SS", Value: [limit] } }),
  };
}

describe("what is padding in a volume", () => {
  it("is what each of its images states, and in CT what no tissue has", () => {
    expect(commonPaddings([header("MR", 0), header("MR", 0)])).toEqual([{ lower: 0, upper: 0 }]);
    expect(commonPaddings([header("MR", 0), header("MR")])).toEqual([]);
    expect(commonPaddings([header("CT", -2000), header("CT")])).toEqual([
      { lower: -2000, upper: -2000 },
      { lower: -Infinity, upper: -1500 },
    ]);
    expect(commonPaddings([])).toEqual([]);
  });

  it("is one range where what is stated lies in what no tissue has, and else the stated one", () => {
    expect(asOneRange(commonPaddings([header("CT", -1600, -1400)]))).toEqual({ lower: -Infinity, upper: -1400 });
    expect(asOneRange(commonPaddings([header("CT", 3000)]))).toEqual({ lower: 3000, upper: 3000 });
    expect(asOneRange(commonPaddings([header("CT")]))).toEqual({ lower: -Infinity, upper: -1500 });
    expect(asOneRange([])).toBeNull();
  });
});
