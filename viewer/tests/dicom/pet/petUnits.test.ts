import { describe, expect, it } from "vitest";
import { statisticsOf } from "@/cornerstone/annotations/annotations";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";
import { petUnitOf } from "@/dicom/pet/petUnits";
import { quantityOf, unitOfValues, valueText } from "@/dicom/display/values";
import { measuredLines } from "@/dicom/measurements/measurement";

const element = (vr: string, ...Value: unknown[]): DicomElement => ({ vr, Value });

function pet(units: string, more: DicomJson = {}): DicomJson {
  return { "00080060": element("CS", "PT"), "00281053": element("DS", "2.5"), "00541001": element("CS", units), ...more };
}

describe("the values of a PET without an SUV", () => {
  it("have the unit that the image states, under the pointer, in curves and in regions", () => {
    const withoutWeight = pet("BQML");
    expect(unitOfValues(withoutWeight)).toBe("Bq/ml");
    expect(valueText(5000, withoutWeight)).toBe("5000 Bq/ml");
    expect(quantityOf(5000, withoutWeight)).toEqual({ value: 5000, unit: "Bq/ml", name: "" });
    const drawn = { cachedStats: { "": { mean: 5000, stdDev: 12, min: 10, max: 9000 } } };
    const measured = statisticsOf("ellipse", drawn as never, unitOfValues(withoutWeight), null);
    expect(measuredLines({ label: "", obstacle: null, savedAs: [], measured })[0]).toMatch(/5000 Bq\/ml$/);
  });

  it.each([
    ["CNTS", "7 counts"],
    ["CPS", "7 counts/s"],
    ["CM2ML", "7 cm²/ml"],
    ["MLMING", "7 ml/min/g"],
    ["1CM", "7 /cm"],
    ["PCNT", "7 %"],
    ["NONE", "7"],
    ["", "7"],
    ["PRIVATE", "7"],
  ])("are read as those units: %s", (units, shown) => {
    expect(valueText(7, pet(units))).toBe(shown);
  });

  it("are SUVs of the kind that the image states, and of no other", () => {
    const typed = (units: string, type: string) => petUnitOf(pet(units, { "00541006": element("CS", type) }));
    expect(typed("GML", "LBM")).toBe("g/ml{SUVlbm}");
    expect(typed("GML", "IBW")).toBe("g/ml{SUVibw}");
    expect(typed("CM2ML", "BSA")).toBe("cm2/ml{SUVbsa}");
    expect(typed("GML", "LBMJAMES128")).toBe("g/ml");
    expect(valueText(2.5, pet("GML", { "00541006": element("CS", "LBM") }))).toBe("2.5 SUL");
  });

  it("are those of a real world map where the image has one, with its own beside", () => {
    const mapped = pet("BQML", {
      "00409096": element("SQ", {
        "00409210": element("SH", "SUVbw"),
        "004008EA": element("SQ", { "00080100": element("SH", "g/ml{SUVbw}") }),
        "00409225": element("FD", 0.0005),
        "00409224": element("FD", 0),
        "00409216": element("US", 0),
        "00409211": element("US", 32767),
      }),
    });
    expect(quantityOf(5000, mapped)).toMatchObject({ value: 1, unit: "g/ml{SUVbw}" });
  });
});
