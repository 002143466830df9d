import { describe, expect, it } from "vitest";
import { orderSlices } from "@/dicom/geometry";
import { causeOfStatus } from "@/features/reader/lib/frameCause";
import { maskObstacle } from "@/features/reader/lib/maskObstacle";
import type { MaskSource } from "@/dicom/seg";

const order = orderSlices([
  {
    "00080018": { vr: "UI", Value: ["1"] },
    "00200032": { vr: "DS", Value: [0, 0, 0] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
    "00280010": { vr: "US", Value: [512] },
    "00280011": { vr: "US", Value: [400] },
    "00280030": { vr: "DS", Value: [1, 1] },
  },
]);
const source: MaskSource = {
  seriesInstanceUid: "s",
  sopInstanceUid: "i",
  referencedSeriesInstanceUid: "r",
  description: "Liver",
  pixelBytes: 0,
  segmentationType: "BINARY",
  fractionalType: "",
  rows: 512,
  columns: 400,
  orientation: [1, 0, 0, 0, 1, 0],
};

describe("what stands against drawing a segmentation", () => {
  const of = (change: Partial<MaskSource>, modality = "CT") => maskObstacle({ ...source, ...change }, { modality, order });

  it("is nothing on the grid of its images, whichever way its rows run", () => {
    expect(of({})).toBe("");
    expect(of({ orientation: [] })).toBe("");
    expect(of({ orientation: [1, 0, 0, 0, -1, 0] })).toBe("");
  });

  it("is said in a sentence with what helps", () => {
    expect(of({}, "SM")).toContain("whole slides");
    const fractional = (fractionalType: string) => of({ segmentationType: "FRACTIONAL", fractionalType });
    expect(fractional("PROBABILITY")).toContain("how probable a structure is");
    expect(fractional("OCCUPANCY")).toContain("how much of each pixel a structure fills");
    expect(fractional("")).toContain("without saying of what");
    expect(of({ orientation: [1, 0, 0, 0, 0, -1] })).toContain("at an angle");
    expect(of({ rows: 510, columns: 398 })).toContain("398 × 510 pixels, the images 400 × 512");
  });
});

it("tells apart why a frame is not there", () => {
  expect([0, 401, 403, 404, 410, 503, 429, 200, 206].map(causeOfStatus)).toEqual([
    "unreachable",
    "refused",
    "refused",
    "gone",
    "gone",
    "unavailable",
    "unavailable",
    "undecodable",
    "undecodable",
  ]);
});
