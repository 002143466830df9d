import { describe, expect, it } from "vitest";
import {
  ageAt,
  bytes,
  count,
  decimal,
  dicomDate,
  dicomTime,
  findingValue,
  fixed,
  measurement,
  moment,
  momentText,
  personName,
  pipelineTitle,
  unitSymbol,
  withPrintedUnits,
} from "@/shared/lib/format";
import { setLanguage } from "@/shared/i18n/language";

describe("numbers over an image", () => {
  it("follow the language, with as many decimals as were asked for", () => {
    const shown = () => [fixed(1234.5, 2), fixed(1234.5, 0), decimal(1234.125)];
    expect(shown()).toEqual(["1234.50", "1235", "1234.125"]);
    setLanguage("de");
    expect(shown()).toEqual(["1234,50", "1235", "1234,125"]);
  });
});

describe("texts of the node", () => {
  it("show units as they are printed", () => {
    expect(withPrintedUnits("Left lung mean density: -855.267 [hnsf'U].")).toBe("Left lung mean density: -855.267 HU.");
    expect(withPrintedUnits("Brain volume: 1791.7 cm3, of 12 cm30")).toBe("Brain volume: 1791.7 cm³, of 12 cm30");
  });
});

describe("person names", () => {
  it.each([
    ["Doe^Jane", "Doe, Jane"],
    ["Jane_Doe", "Jane_Doe"],
    ["Müller^Anna^Maria^Dr.^PhD", "Müller, Dr. Anna Maria PhD"],
    ["Doe^^^^", "Doe"],
    ["^Jane", "Jane"],
    ["Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎, やまだ, たろう)"],
    ["", "No name"],
    ["^^", "No name"],
  ])("%s reads %s", (value, expected) => {
    expect(personName(value)).toBe(expected);
  });
});

describe("dates and times", () => {
  it("reads both DICOM's and the API's way of writing", () => {
    expect(dicomDate("20240131")).toBe("2024-01-31");
    expect(dicomDate("2024-01-31")).toBe("2024-01-31");
    expect(dicomDate(null)).toBe("");
    expect(dicomDate("31.1.2024")).toBe("");
    expect(dicomTime("142035.93")).toBe("14:20");
    expect(dicomTime("14:20:35")).toBe("14:20");
    expect(dicomTime("")).toBe("");
  });

  it("adds the time of day where one is given", () => {
    expect(momentText("2026-01-10", "08:30:00")).toBe("2026-01-10 08:30");
    expect(momentText("2026-01-10", null)).toBe("2026-01-10");
    expect(momentText(null, null)).toBe("");
  });

  it("counts whole years", () => {
    expect(ageAt("1966-01-01", "2013-07-17")).toBe("47 y");
    expect(ageAt("19660718", "20130717")).toBe("46 y");
    expect(ageAt("2011-07-17", "2013-07-17")).toBe("2 y");
    expect(ageAt("2012-01-20", "2013-07-17")).toBe("17 mo");
    expect(ageAt("2013-07-15", "2013-07-17")).toBe("2 d");
    expect(ageAt("2013-07-17", "2013-07-17")).toBe("0 d");
    expect(ageAt("", "2013-07-17")).toBe("");
    expect(ageAt("19000101", "19990101")).toBe("");
    expect(ageAt("18800230", "20130717")).toBe("");
    expect(ageAt("1890-07-17", "2013-07-17")).toBe("");
    expect(ageAt("1910-07-17", "2013-07-17")).toBe("103 y");
    expect(ageAt("2020-01-01", "2013-07-17")).toBe("");
  });

  it("gives the date of a moment only when it was another day", () => {
    const now = new Date(2026, 10, 24, 18, 0);
    expect(moment(new Date(2026, 10, 24, 9, 5).toISOString(), now)).toBe("09:05");
    expect(moment(new Date(2026, 10, 23, 9, 5).toISOString(), now)).toBe("2026-11-23 09:05");
    expect(moment("never", now)).toBe("");
    expect(moment(null, now)).toBe("");
  });
});

describe("numbers and words", () => {
  it("gives a measurement the digits it deserves", () => {
    expect(measurement(1791.670954)).toBe("1,791.7");
    expect(measurement(12)).toBe("12.0");
    expect(measurement(2.345)).toBe("2.35");
    expect(measurement(0.4128)).toBe("0.413");
    expect(measurement(-856.25)).toBe("-856.3");
  });

  it("prints UCUM units as people know them", () => {
    expect(unitSymbol("cm3")).toBe("cm³");
    expect(unitSymbol("[hnsf'U]")).toBe("HU");
    expect(unitSymbol("{pixels}2")).toBe("px²");
    expect(unitSymbol("%")).toBe("%");
    expect(unitSymbol("1")).toBe("");
  });

  it("counts and sizes", () => {
    expect(count(1, "instance")).toBe("1 instance");
    expect(count(1234, "instance")).toBe("1,234 instances");
    expect(count(2, "series", "series")).toBe("2 series");
    expect(bytes(999)).toBe("999 B");
    expect(bytes(81_000_000)).toBe("81.0 MB");
  });

  it("titles a pipeline by its name", () => {
    expect(pipelineTitle("brain-volume")).toBe("Brain volume");
  });
});

describe("a finding's value", () => {
  // The same table as in tests/storage/core/text/test_rounding.py.
  it.each([
    [1791.74, "cm3", "1,791.7"],
    [14.35, "cm3", "14.4"],
    [3.8123, "cm3", "3.81"],
    [0.476, "cm3", "0.476"],
    [0, "cm3", "0.0"],
    [21.778, "%", "21.8"],
    [1.938, "%", "1.94"],
    [0.2512, "%", "0.251"],
    [4.838, "L", "4.84"],
    [0.4838, "L", "0.48"],
    [-832.4, "[hnsf'U]", "-832"],
    [9.12, "mm", "9.1"],
  ])("%d %s is rounded as in report and PDF", (value, unit, shown) => {
    expect(findingValue(value, unit)).toBe(shown);
  });
});
