import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { storedDoseOfShare, storedHistogramsOf, storedOf } from "@/dicom/dose/storedHistogram";

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value });

function histogram(more: DicomJson = {}): DicomJson {
  return {
    "30040001": value("CS", "CUMULATIVE"),
    "30040002": value("CS", "GY"),
    "30040004": value("CS", "PHYSICAL"),
    "30040052": value("DS", 0.5),
    "30040054": value("CS", "CM3"),
    "30040056": value("IS", 4),
    "30040058": value("DS", 20, 40, 20, 40, 40, 20, 20, 0),
    "30040060": value("SQ", { "30060084": value("IS", 7), "30040062": value("CS", "INCLUDED") }),
    "30040074": value("DS", 21.5),
    ...more,
  };
}

const dose = (...histograms: DicomJson[]): DicomJson => ({
  "300C0060": value("SQ", { "00081155": value("UI", "1.2.3") }),
  "30040050": value("SQ", ...histograms),
});

describe("a histogram in the file of a dose", () => {
  it("is read with the scaling and the widths of its bins", () => {
    const [found] = storedHistogramsOf(dose(histogram())).histograms;
    expect(found && [...found.doses]).toEqual([0, 10, 20, 40, 50]);
    expect(found && [...found.atLeast]).toEqual([1, 1, 0.5, 0, 0]);
    expect(found).toMatchObject({ roiNumber: 7, kind: "physical", volumeMl: 40, mean: 21.5, least: null });
    // Half way from 10 to 20 Gy three quarters are left.
    expect(found && storedDoseOfShare(found, 0.75)).toBeCloseTo(15, 9);
    expect(found && storedDoseOfShare(found, 0.02)).toBeCloseTo(39.2, 9);
  });

  it("of volumes by bin is summed from the end, and of shares has no volume", () => {
    const differential = histogram({ "30040001": value("CS", "DIFFERENTIAL"), "30040058": value("DS", 20, 10, 20, 20, 40, 10, 20, 0) });
    const [found] = storedHistogramsOf(dose(differential)).histograms;
    expect(found && [...found.atLeast]).toEqual([1, 0.75, 0.25, 0, 0]);
    const shares = histogram({ "30040054": value("CS", "PERCENT"), "30040058": value("DS", 20, 100, 20, 80, 40, 20, 20, 0) });
    expect(storedHistogramsOf(dose(shares)).histograms[0]).toMatchObject({ volumeMl: null, atLeast: Float64Array.from([1, 0.8, 0.2, 0, 0]) });
  });

  it("of shares that begin below 100 has no dose of more than there is", () => {
    const part = { "30040054": value("CS", "PERCENT"), "30040052": value("DS", 1), "30040058": value("DS", 5, 60, 5, 60, 5, 30, 5, 30) };
    const [found] = storedHistogramsOf(dose(histogram(part))).histograms;
    expect(found && [...found.atLeast]).toEqual([0.6, 0.6, 0.3, 0.3, 0]);
    expect(found && [0.98, 0.61].map((share) => storedDoseOfShare(found, share))).toEqual([null, null]);
    expect(found && storedDoseOfShare(found, 0.5)).toBeCloseTo(5 + 5 / 3, 9);
    const rounded = histogram({ "30040054": value("CS", "PERCENT"), "30040058": value("DS", 20, 100.1, 20, 80, 40, 20, 20, 0) });
    expect(storedHistogramsOf(dose(rounded)).histograms[0]?.atLeast[0]).toBe(1);
    const tooMuch = histogram({ "30040054": value("CS", "PERCENT"), "30040058": value("DS", 20, 140, 20, 80, 40, 20, 20, 0) });
    expect(storedHistogramsOf(dose(tooMuch))).toMatchObject({ notDrawn: 1, histograms: [] });
  });

  it("is counted and not drawn where it is of several structures, of none as a whole, or damaged", () => {
    const roi = { "30060084": value("IS", 7) };
    const broken = [
      histogram({ "30040060": value("SQ", roi, roi) }),
      histogram({ "30040060": value("SQ", { ...roi, "30040062": value("CS", "EXCLUDED") }) }),
      histogram({ "30040056": value("IS", 5) }),
      histogram({ "30040058": value("DS", 20, 40, 20, 40, 40, 60, 20, 0) }),
      histogram({ "30040058": value("DS", 20, 0, 20, 0, 40, 0, 20, 0) }),
      histogram({ "30040001": value("CS", "NATURAL") }),
      histogram({ "30040054": value("CS", "PER_U") }),
    ];
    expect(storedHistogramsOf(dose(...broken, histogram()))).toMatchObject({ notDrawn: broken.length, histograms: [{ roiNumber: 7 }] });
  });

  it("is that of the structure of its own set, and of the same kind of dose", () => {
    const stored = storedHistogramsOf(dose(histogram()));
    expect(storedOf(stored, { sopInstanceUid: "1.2.3" }, { number: 7 }, "physical")).toBeDefined();
    expect(storedOf(stored, { sopInstanceUid: "1.2.4" }, { number: 7 }, "physical")).toBeUndefined();
    expect(storedOf(stored, { sopInstanceUid: "1.2.3" }, { number: 8 }, "physical")).toBeUndefined();
    expect(storedOf(stored, { sopInstanceUid: "1.2.3" }, { number: 7 }, "effective")).toBeUndefined();
    expect(storedOf(null, { sopInstanceUid: "1.2.3" }, { number: 7 }, "physical")).toBeUndefined();
  });
});
