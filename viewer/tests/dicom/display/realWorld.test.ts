import { describe, expect, it } from "vitest";
import { statisticsOf } from "@/cornerstone/annotations/annotations";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";
import { frameHeaders } from "@/dicom/frameHeader";
import { measuredLines } from "@/dicom/measurements/measurement";
import { realWorldOf, realWorldValue } from "@/dicom/display/realWorld";
import { haveOneMeaning, valueText } from "@/dicom/display/values";
import { glance, unitSymbol, windowText } from "@/shared/lib/format";

const element = (vr: string, ...Value: unknown[]): DicomElement => ({ vr, Value });

function mapping(unit: string, slope: number, intercept: number, range: [number, number]): DicomJson {
  return {
    "00409210": element("SH", "ADC"),
    "00283003": element("LO", "Apparent diffusion coefficient"),
    "004008EA": element("SQ", { "00080100": element("SH", unit), "00080102": element("SH", "UCUM") }),
    "00409225": element("FD", slope),
    "00409224": element("FD", intercept),
    "00409214": element("FD", range[0]),
    "00409213": element("FD", range[1]),
  };
}

/** A parametric map of float pixels, as this node and others write it: the mapping is that of all frames. */
const enhanced: DicomJson = {
  "00080060": element("CS", "OT"),
  "00280008": element("IS", 2),
  "52009229": element("SQ", { "00409096": element("SQ", mapping("mm2/s", 1, 0, [0, 0.002])) }),
  "52009230": element("SQ", {}, {}),
};
/** A classic MR of scaled integers; the mapping is of stored values, before the rescaling. */
const scaled: DicomJson = {
  "00080060": element("CS", "MR"),
  "00281053": element("DS", "2"),
  "00281052": element("DS", "-100"),
  "00409096": element("SQ", mapping("mm2/s", 1e-6, 1e-5, [0, 4095])),
};

describe("slices of one series", () => {
  it("say the same by their values, or each something else", () => {
    const ct = (slope: string, type: string): DicomJson => ({ "00080060": element("CS", "CT"), "00281053": element("DS", slope), "00281054": element("LO", type) });
    expect(haveOneMeaning([ct("1", "HU"), ct("2", "HU")])).toBe(true);
    expect(haveOneMeaning([ct("1", "HU"), ct("1", "US")])).toBe(false);
    const rescaled = (slope: string): DicomJson => ({ ...scaled, "00281053": element("DS", slope) });
    expect(haveOneMeaning([rescaled("2"), rescaled("2")])).toBe(true);
    expect(haveOneMeaning([rescaled("2"), rescaled("3")])).toBe(false);
    expect(haveOneMeaning([])).toBe(true);
  });
});

describe("what the values of a map stand for", () => {
  const [frame = {}] = frameHeaders(enhanced);

  it("is read with its unit, its name and as many digits as it needs", () => {
    expect(valueText(0.0019412, frame)).toBe("ADC 0.00194 mm²/s");
    expect(valueText(0, frame)).toBe("ADC 0 mm²/s");
    // 1000 stored is 1900 rescaled.
    expect(valueText(1900, scaled)).toBe("1900 (ADC 0.00101 mm²/s)");
  });

  it("is nothing of values that the map does not speak of", () => {
    const map = realWorldOf(scaled)!;
    expect(map).toMatchObject({ least: -100, most: 8090, unit: "mm2/s" });
    expect(realWorldValue(map, 9000)).toBeNull();
    expect(valueText(9000, scaled)).toBe("9000");
    // The end of the range as a pixel of 32 bits has it.
    expect(valueText(Math.fround(0.002), frame)).toBe("ADC 0.002 mm²/s");
    expect(valueText(0.5, {})).toBe("0.5");
    expect(realWorldOf({ "00409096": element("SQ", { ...mapping("1", 1, 0, [0, 9]) }) })).toBeNull();
    // Stored values can't be had from those of a table.
    const table = { "00283002": element("US", 2, 0, 16), "00283006": element("US", 5, 9) };
    expect(realWorldOf({ ...scaled, "00283000": element("SQ", table) })).toBeNull();
  });

  it("stands beside the value and the ellipse, a spread without the intercept", () => {
    const drawn = { cachedStats: { "imageId:a": { area: 4, areaUnit: "mm²", mean: 1900, stdDev: 200, min: 1500, max: 2100 } } };
    const measured = statisticsOf("ellipse", drawn, "1", null, null, undefined, realWorldOf(scaled));
    expect(measured.map(({ unit }) => unit)).toEqual(Array(4).fill("mm2/s"));
    expect(measured[0]?.value).toBeCloseTo(0.00101, 12);
    expect(measured[1]?.value).toBeCloseTo(0.0001, 12);
    expect(measuredLines({ label: "", measured, obstacle: null, savedAs: [] })[0]).toBe("ADC mean 0.0010 mm²/s");
    const outside = { cachedStats: { "imageId:a": { area: 4, areaUnit: "mm²", mean: 1900, stdDev: 2, min: 1500, max: 9000 } } };
    expect(statisticsOf("ellipse", outside, "1", null, null, undefined, realWorldOf(scaled))[0]).toEqual({
      quantity: "mean", value: 1900, unit: "1",
    });
    const probe = { cachedStats: { "imageId:a": { modalityUnit: "", value: undefined } } };
    expect(statisticsOf("probe", probe, "1", null, 0.002, undefined, realWorldOf(frame))).toEqual([
      { quantity: "value", value: 0.002, unit: "mm2/s", of: "ADC" },
    ]);
  });
});

it("a window and a bound of small values keep the digits that count", () => {
  expect(windowText({ width: 0.002, center: 0.001 })).toBe("W 0.002 L 0.001");
  expect(windowText({ width: 400, center: 40.4 })).toBe("W 400 L 40");
  expect(windowText({ width: 2.5, center: 1.25 })).toBe("W 2.5 L 1.25");
  expect(windowText({ width: 0, center: 0 })).toBe("W 0 L 0");
  expect([0, 0.0020412, 12.345, -0.00051].map(glance)).toEqual([0, 0.00204, 12.35, -0.00051]);
  expect(["mm2/s", "um2/ms", "kg/m2", "mm", "s", "1/cm3", "g/ml"].map((one) => unitSymbol(one))).toEqual([
    "mm²/s", "µm²/ms", "kg/m²", "mm", "s", "1/cm³", "g/ml",
  ]);
});
