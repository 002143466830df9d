import { describe, expect, it } from "vitest";
import { orderSlices } from "@/dicom/sliceOrder";
import { causeOfStatus } from "@/features/reader/lib/frameCause";
import { maskFit } from "@/features/reader/lib/masks/maskFit";
import type { DicomJson } from "@/dicom/dicomweb";
import type { MaskSource } from "@/dicom/segmentation/seg";

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
  header: { "00200052": { vr: "UI", Value: ["9"] } },
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
    expect(why({ header: {} })).toContain("another frame of reference");
    expect(why({ rows: 510 })).toContain("a form that this viewer does not know");
  });
});

describe("a segmentation of the matrix and the direction of its images", () => {
  const value = (vr: string, ...Value: unknown[]) => ({ vr, Value }) as DicomJson[string];
  const item = (one: DicomJson) => value("SQ", one);
  const stack = orderSlices(
    [0, 3, 6, 9].map((z) => ({
      "00080018": value("UI", `image ${z}`),
      "00200052": value("UI", "9"),
      "00200032": value("DS", -90, -70, z),
      "00200037": value("DS", 1, 0, 0, 0, 1, 0),
      "00280010": value("US", 96),
      "00280011": value("US", 120),
      "00280030": value("DS", 1.5, 1.5),
    })),
  );
  interface Made {
    origins: number[][];
    cosines?: number[];
    spacing?: number;
    frame?: string;
    names?: number[];
  }
  const fitOf = ({ origins, cosines = [1, 0, 0, 0, 1, 0], spacing = 1.5, frame = "9", names = [] }: Made) => {
    const header: DicomJson = {
      "00280008": value("IS", origins.length),
      "00280010": value("US", 96),
      "00280011": value("US", 120),
      "00280100": value("US", 1),
      "00620001": value("CS", "BINARY"),
      ...(frame && { "00200052": value("UI", frame) }),
      "52009229": item({
        "00209116": item({ "00200037": value("DS", ...cosines) }),
        "00289110": item({ "00280030": value("DS", spacing, spacing), "00180050": value("DS", 3) }),
        "0062000A": item({ "0062000B": value("US", 1) }),
      }),
      "52009230": value(
        "SQ",
        ...origins.map((origin, index) => ({
          "00209113": item({ "00200032": value("DS", ...origin) }),
          ...(names[index] !== undefined && {
            "00089124": item({ "00082112": item({ "00081155": value("UI", `image ${names[index]}`) }) }),
          }),
        })),
      ),
    };
    const fit = maskFit({ ...source, rows: 96, columns: 120, orientation: cosines, header }, { modality: "CT", order: stack });
    return fit.kind === "fits" ? "fits" : `${fit.kind}: ${fit.kind === "refused" ? fit.why : fit.notes.join(" ")}`;
  };
  const at = (z: number, x = 0, y = 0) => [-90 + x, -70 + y, z];

  it("is drawn as it is on their pixels, in whatever order and whichever way they run", () => {
    expect(fitOf({ origins: [at(6), at(3)], names: [6, 3] })).toBe("fits");
    expect(fitOf({ origins: [at(3.0004, 0.02)], names: [3] })).toBe("fits");
    expect(fitOf({ origins: [at(3)] })).toBe("fits");
    expect(fitOf({ origins: [at(3, 119 * 1.5)], cosines: [-1, 0, 0, 0, 1, 0], names: [3] })).toBe("fits");
    expect(fitOf({ origins: [at(3, 119 * 1.5, 95 * 1.5)], cosines: [-1, 0, 0, 0, -1, 0], names: [3] })).toBe("fits");
  });

  it("is brought onto them from other pixels or planes, and where its own words differ", () => {
    expect(fitOf({ origins: [at(3), at(6, 30, -15)] })).toContain("resampled: Resampled onto these images: its pixels lie elsewhere");
    expect(fitOf({ origins: [at(3)], spacing: 0.75 })).toContain("its pixels lie elsewhere or are of another size");
    expect(fitOf({ origins: [at(3, 119 * 1.5)], cosines: [-1, 0, 0, 0, 1, 0] })).toContain("run another way");
    expect(fitOf({ origins: [at(4.5)] })).toContain("its own planes lie at other places");
    expect(fitOf({ origins: [at(3)], names: [9] })).toContain("not where the images lie that they name");
  });

  it("is not drawn by places of another frame of reference", () => {
    expect(fitOf({ origins: [at(3)], frame: "8", names: [3] })).toContain("refused: it has another frame of reference");
    expect(fitOf({ origins: [at(3)], frame: "" })).toContain("refused: it has another frame of reference");
    expect(fitOf({ origins: [at(3)], frame: "", names: [3] })).toContain("placed: Drawn over the images that it names: it states no frame");
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
