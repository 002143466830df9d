import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { setLanguage } from "@/shared/i18n/language";
import { contentTree, documentFlags, documentTitle } from "@/features/reader/lib/contentTree";

const code = (meaning: string) => ({ vr: "SQ", Value: [{ "00080100": { vr: "SH", Value: ["X"] }, "00080104": { vr: "LO", Value: [meaning] } }] });
const cs = (value: string) => ({ vr: "CS", Value: [value] });

/** A report with the value types that people meet (PS3.3 C.17.3.2.1). */
const report: DicomJson = {
  "0040A043": code("Imaging Measurement Report"),
  "0040A493": cs("UNVERIFIED"),
  "0040A491": cs("COMPLETE"),
  "0040A730": {
    vr: "SQ",
    Value: [
      { "0040A040": cs("PNAME"), "0040A043": code("Person Observer Name"), "0040A123": { vr: "PN", Value: [{ Alphabetic: "Jones^Mary" }] } },
      {
        "0040A040": cs("CONTAINER"),
        "0040A043": code("Measurements"),
        "0040A730": {
          vr: "SQ",
          Value: [
            {
              "0040A040": cs("NUM"),
              "0040A043": code("Mean"),
              "0040A300": { vr: "SQ", Value: [{ "0040A30A": { vr: "DS", Value: [-855.267] }, "004008EA": { vr: "SQ", Value: [{ "00080100": { vr: "SH", Value: ["[hnsf'U]"] } }] } }] },
            },
            { "0040A040": cs("IMAGE"), "0040A043": code("Source"), "00081199": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.2.3"] }, "00081160": { vr: "IS", Value: [4] } }] } },
            { "0040A040": cs("SCOORD"), "0040A043": code("Path"), "00700023": cs("POLYLINE") },
            { "0040A040": cs("DATETIME"), "0040A043": code("Observed"), "0040A120": { vr: "DT", Value: ["20240131101500"] } },
            {},
          ],
        },
      },
      { "0040A040": cs("CODE"), "0040A043": code("Finding"), "0040A168": code("Nodule") },
      { "0040A040": cs("TEXT"), "0040A043": code("Comment"), "0040A160": { vr: "UT", Value: ["Line one\nline two"] } },
    ],
  },
};

describe("a structured report", () => {
  it("says of a number all that stands with it, and of a moment what is known of it", () => {
    const number = (value: number, unit: DicomJson, more: DicomJson = {}) => ({
      "0040A040": cs("NUM"),
      "0040A043": code("Dose"),
      "0040A300": { vr: "SQ", Value: [{ "0040A30A": { vr: "DS", Value: [value] }, "004008EA": { vr: "SQ", Value: [unit] } }] },
      ...more,
    });
    const unit = (value: string, scheme: string, meaning: string) => ({
      "00080100": { vr: "SH", Value: [value] },
      "00080102": { vr: "SH", Value: [scheme] },
      "00080104": { vr: "LO", Value: [meaning] },
    });
    const moment = (value: string) => ({ "0040A040": cs("DATETIME"), "0040A043": code("At"), "0040A120": { vr: "DT", Value: [value] } });
    const items = [
      number(0.8, unit("Gy", "UCUM", "gray"), { "0040A301": code("Out of range") }),
      number(5, unit("R-42", "SRT", "minute")),
      number(370123456, unit("Bq", "UCUM", "becquerel")),
      moment("20260301233000+0900"),
      moment("202603"),
      moment("2026"),
    ];
    const tree = contentTree({ "0040A730": { vr: "SQ", Value: items } });
    expect(tree.map(({ value }) => value)).toEqual([
      "0.8 Gy (Out of range)",
      "5 minute",
      "370123456 Bq",
      "2026-03-01 23:30 UTC+09:00",
      "2026-03",
      "2026",
    ]);
  });

  it("reads as names and values, with images to go to", () => {
    const [observer, measurements, finding, comment] = contentTree(report);
    expect([observer?.name, observer?.value]).toEqual(["Person Observer Name", "Jones, Mary"]);
    expect(measurements?.children.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      "Mean: -855.267 HU",
      "Source: ",
      "Path: line on the image",
      "Observed: 2024-01-31 10:15",
    ]);
    expect(measurements?.children[1]?.image).toEqual({ sopInstanceUid: "1.2.3", frameNumber: 4 });
    expect([finding?.value, comment?.value]).toEqual(["Nodule", "Line one\nline two"]);
    setLanguage("de");
    expect(contentTree(report)[1]?.children[0]?.value).toBe("-855,267 HE");
  });

  it("says what it is and whether it is verified", () => {
    expect(documentTitle(report)).toBe("Imaging Measurement Report");
    expect(documentFlags(report)).toEqual(["unverified", "complete"]);
    expect(documentFlags({})).toEqual([]);
  });

  it("that holds itself does not hang the page", () => {
    const loop: DicomJson = { "0040A040": cs("CONTAINER"), "0040A043": code("Again") };
    loop["0040A730"] = { vr: "SQ", Value: [loop] };
    expect(contentTree(loop)).toHaveLength(1);
  });
});
