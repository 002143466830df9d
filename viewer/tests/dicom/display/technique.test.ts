import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { projectionAngles, techniqueOf } from "@/dicom/display/technique";

const one = (value: unknown) => ({ vr: "DS", Value: [value] });

describe("how an image was taken", () => {
  it("names the side from which a C-arm looks", () => {
    expect(projectionAngles({ "00181510": one(-30.1), "00181511": one(20.5) })).toBe("RAO 30° CRA 21°");
    expect(projectionAngles({ "00181510": one("45"), "00181511": one(-15) })).toBe("LAO 45° CAU 15°");
    expect(projectionAngles({ "00181510": one(0) })).toBe("0°");
    expect(projectionAngles({})).toBe("");
  });

  it("is stated in the numbers of its modality", () => {
    const ct: DicomJson = { "00080060": one("CT"), "00180060": one(120), "00180050": one("2.500000"), "00181210": one("B30f") };
    expect(techniqueOf(ct)).toEqual(["120 kV", "Thickness 2.5 mm", "B30f"]);
    const mr: DicomJson = { "00080060": one("MR"), "00180080": one(4000), "00180081": one(93.25) };
    expect(techniqueOf(mr)).toEqual(["TR 4000 ms", "TE 93.25 ms"]);
    expect(techniqueOf({ "00080060": one("US"), "00180060": one(120) })).toEqual([]);
  });
});
