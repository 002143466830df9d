import { describe, expect, it } from "vitest";
import { orderSlices } from "@/dicom/geometry";
import { causeOfStatus } from "@/features/reader/lib/frameCause";
import { maskFit } from "@/features/reader/lib/maskFit";
import type { DicomJson } from "@/dicom/dicomweb";
import type { MaskSource } from "@/dicom/seg";

const order = orderSlices([
  {
    "00080018": { vr: "UI", Value: ["1"] },
    "00200052": { vr: "UI", Value: ["9"] },
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
  header: {},
};

describe("how a segmentation is drawn", () => {
  const of = (change: Partial<MaskSource>, modality = "CT") => maskFit({ ...source, ...change }, { modality, order });
  const item = (value: DicomJson) => ({ vr: "SQ", Value: [value] });
  const header = (bits: number, frameOfReference = "9"): DicomJson => ({
    "00280010": { vr: "US", Value: [510] },
    "00280011": { vr: "US", Value: [398] },
    "00280100": { vr: "US", Value: [bits] },
    "00620001": { vr: "CS", Value: [bits === 1 ? "BINARY" : "FRACTIONAL"] },
    "00200052": { vr: "UI", Value: [frameOfReference] },
    "52009229": item({
      "00209116": item({ "00200037": { vr: "DS", Value: [1, 0, 0, 0, 0, -1] } }),
      "00289110": item({ "00280030": { vr: "DS", Value: [1, 1] }, "00180050": { vr: "DS", Value: [2] } }),
      "0062000A": item({ "0062000B": { vr: "US", Value: [1] } }),
    }),
    "52009230": item({ "00209113": item({ "00200032": { vr: "DS", Value: [0, 0, 0] } }) }),
  });
  const notes = (change: Partial<MaskSource>) => {
    const fit = of(change);
    return fit.kind === "resampled" ? fit.notes.join(" ") : JSON.stringify(fit);
  };

  it("is as it is on the grid of its images, whichever way its rows run", () => {
    expect(of({})).toEqual({ kind: "fits" });
    expect(of({ orientation: [] })).toEqual({ kind: "fits" });
    expect(of({ orientation: [1, 0, 0, 0, -1, 0] })).toEqual({ kind: "fits" });
  });

  it("is resampled otherwise, and says what that did to it", () => {
    expect(notes({ orientation: [1, 0, 0, 0, 0, -1], header: header(1) })).toContain("at an angle");
    expect(notes({ rows: 510, columns: 398, header: header(1) })).toContain("398 × 510 to 400 × 512 pixels");
    const fractional = (fractionalType: string) => notes({ segmentationType: "FRACTIONAL", fractionalType, header: header(8) });
    expect(fractional("PROBABILITY")).toContain("above 50 %: it states how probable");
    expect(fractional("OCCUPANCY")).toContain("how much of each pixel");
    expect(fractional("")).toContain("does not state of what");
  });

  it("is refused in a sentence where it cannot be placed", () => {
    const why = (change: Partial<MaskSource>, modality = "CT") => {
      const fit = of(change, modality);
      return fit.kind === "refused" ? fit.why : "";
    };
    expect(why({}, "SM")).toContain("whole slides");
    expect(why({ rows: 510, header: header(1, "8") })).toContain("another frame of reference");
    expect(why({ rows: 510, header: {} })).toContain("a form that this viewer does not know");
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
