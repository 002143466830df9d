import { describe, expect, it } from "vitest";
import { curveOf, scaleOf } from "@/dicom/measurements/axisCurve";
import type { DicomJson } from "@/dicom/dicomweb";
import type { SecondAxis } from "@/dicom/secondAxis";

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value });
const counted = (kind: SecondAxis["kind"], steps: number): SecondAxis => ({ kind, steps, values: [], unit: "" });

describe("what the images of a place stand for", () => {
  it("are the values of that place, not of the first one", () => {
    const axis: SecondAxis = { kind: "bValue", steps: 2, values: [0, 800, 50, 1000], unit: "s/mm²" };
    expect(scaleOf(axis, 1, [{}, {}])).toEqual({ kind: "bValue", values: [50, 1000], unit: "s/mm²", source: "DiffusionBValue" });
  });

  it("are times where the headers state them beside a count, past midnight, too", () => {
    const at = (date: string, time: string): DicomJson => ({ "00080022": value("DA", date), "00080032": value("TM", time) });
    const images = [at("20240229", "235958.5"), at("20240301", "000003.250000"), at("20240301", "000101")];
    expect(scaleOf(counted("time", 3), 0, images)).toEqual({ kind: "time", values: [0, 4.75, 62.5], unit: "s", source: "AcquisitionTime" });
    const frames = [10_000, 40_000].map((ms) => ({ "00541300": value("DS", ms), ...at("20240229", "120000") }));
    expect(scaleOf(counted("time", 2), 0, frames)).toMatchObject({ values: [10_000, 40_000], unit: "ms", source: "FrameReferenceTime" });
  });

  it("are counted where times do not rise, are missing, or are of no time axis", () => {
    const alike = ["120000", "120000"].map((time) => ({ "00080032": value("TM", time) }));
    const steps = { values: [1, 2], unit: "", source: "" };
    expect(scaleOf(counted("time", 2), 0, alike)).toMatchObject(steps);
    expect(scaleOf(counted("time", 2), 0, [{ "00080032": value("TM", "12") }, {}])).toMatchObject(steps);
    const rising = ["120000", "120001"].map((time) => ({ "00080032": value("TM", time) }));
    expect(scaleOf(counted("step", 2), 0, rising)).toMatchObject(steps);
  });
});

describe("the values of a pixel", () => {
  const ct: DicomJson = { "00080060": value("CS", "CT"), "00281053": value("DS", 1) };

  it("are Hounsfield units of a CT", () => {
    expect(curveOf([ct, ct], [40, 180.5])).toEqual({ meaning: { unit: "[hnsf'U]", name: "" }, values: [40, 180.5] });
  });

  it("are those of the map of each image", () => {
    const map = (slope: number): DicomJson => ({
      "00409096": value("SQ", {
        "00409225": value("FD", slope),
        "00409224": value("FD", 0),
        "00409210": value("SH", "ADC"),
        "004008EA": value("SQ", { "00080100": value("SH", "mm2/s") }),
      }),
    });
    const curve = curveOf([map(0.5), map(2)], [10, 10]);
    expect(curve).toEqual({ meaning: { unit: "mm2/s", name: "ADC" }, values: [5, 20] });
  });

  it("have no unit where images of a place say different things", () => {
    expect(curveOf([ct, { "00080060": value("CS", "MR") }], [40, 41])).toEqual({ meaning: { unit: "1", name: "" }, values: [40, 41] });
  });

  it("of a PET without SUV are its activity", () => {
    const pet: DicomJson = { "00080060": value("CS", "PT"), "00541001": value("CS", "BQML") };
    expect(curveOf([pet], [5000]).meaning).toEqual({ unit: "Bq/ml", name: "" });
  });
});
