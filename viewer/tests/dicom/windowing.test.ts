import { describe, expect, it } from "vitest";
import { presetsFor } from "@/dicom/windowing";

const opened = { lower: 1_000, upper: 21_000 };

describe("windows of activity", () => {
  it("begin at none, in Bq/ml as shares of what it opened with", () => {
    const found = presetsFor("PT", opened, [{ name: "Header 1", range: opened }]);
    expect(found.map(({ name }) => name)).toEqual(["asOpened", "activityQuarter", "activityHalf", "activityDouble"]);
    expect(found.slice(1).map(({ range }) => range)).toEqual([
      { lower: 0, upper: 5_250 },
      { lower: 0, upper: 10_500 },
      { lower: 0, upper: 42_000 },
    ]);
    expect(presetsFor("NM", opened).every(({ range }, index) => index === 0 || range.lower === 0)).toBe(true);
  });

  it("are windows of SUV where the image has one, whatever it opened with", () => {
    // An SUV of 10 at 50,000 Bq/ml.
    const found = presetsFor("PT", opened, [{ name: "suv", range: { lower: 0, upper: 50_000 } }]);
    expect(found.map(({ name, range }) => [name, range.upper])).toEqual([
      ["asOpened", 21_000],
      ["suvQuarter", 12_500],
      ["suvHalf", 25_000],
      ["suvDouble", 100_000],
    ]);
  });

  it("leave other modalities as they were", () => {
    expect(presetsFor("MR", opened).map(({ name }) => name)).toEqual(["asOpened", "brighter", "darker", "highContrast"]);
    expect(presetsFor("CT", opened).map(({ name }) => name)).toContain("lung");
  });
});
