import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { orderSlices } from "@/dicom/sliceOrder";
import { contoursOnSlices, structureSetOf } from "@/dicom/segmentation/structureSet";

const is = (...Value: number[]) => ({ vr: "IS", Value });
const ds = (...Value: (number | string)[]) => ({ vr: "DS", Value });
const sq = (...Value: DicomJson[]) => ({ vr: "SQ", Value });
const text = (vr: string, value: string) => ({ vr, Value: [value] });

/** A pixel is 2 mm wide and 0.5 mm high; the slices are 3 mm apart. */
const slices = orderSlices(
  [0, 3, 6].map((z, index) => ({
    "00080018": text("UI", `1.2.${index}`),
    "00200013": is(index + 1),
    "00200032": ds(-10, -20, z),
    "00200037": ds(1, 0, 0, 0, 1, 0),
    "00200052": text("UI", "1.9"),
    "00280010": { vr: "US", Value: [64] },
    "00280011": { vr: "US", Value: [32] },
    "00280030": ds(0.5, 2),
  })),
).slices;

function roi(number: number, name: string, space = "1.9"): DicomJson {
  return { "30060022": is(number), "30060024": text("UI", space), "30060026": text("LO", name), "30060036": text("CS", "MANUAL") };
}

function contour(type: string, ...data: (number | string)[]): DicomJson {
  return { "30060042": text("CS", type), "30060050": ds(...data) };
}

const dataset: DicomJson = {
  "00080018": text("UI", "1.5"),
  "30060002": text("SH", "Plan 1"),
  "30060020": sq(roi(1, "Liver"), roi(7, "Of another space", "1.8"), roi(9, "Never drawn")),
  "30060039": sq(
    {
      "30060084": is(1),
      "3006002A": is(255, 0, 128),
      "30060040": sq(
        // As strings, for so some write decimals; 0.2 mm off the second slice.
        contour("CLOSED_PLANAR", "-10", "-20", "3.2", "-6", "-20", "3.2", "-6", "-18", "3.2"),
        contour("OPEN_PLANAR", -10, -20, 0, -8, -20, 0),
        contour("POINT", -8, -19, 6),
        contour("CLOSED_PLANAR", -10, -20, 60, -6, -20, 60, -6, -18, 60),
        contour("CLOSED_PLANAR", -10, -20, 0, -10, -18, 6, -10, -16, 3),
      ),
    },
    { "30060084": is(7), "30060040": sq(contour("POINT", -8, -19, 6)) },
  ),
  "30060080": sq({ "30060084": is(1), "300600A4": text("CS", "ORGAN") }),
};

describe("a structure set", () => {
  it("lists every ROI with its name, kind and colour", () => {
    const { label, rois } = structureSetOf(dataset);
    expect(label).toBe("Plan 1");
    expect(rois.map(({ name, contours }) => [name, contours.length])).toEqual([
      ["Liver", 5],
      ["Of another space", 1],
      ["Never drawn", 0],
    ]);
    expect(rois[0]).toMatchObject({ color: [255, 0, 128], interpretedType: "ORGAN", algorithm: "MANUAL" });
  });

  it("lies on the images by place, in their pixels, and not where its planes are none of theirs", () => {
    const drawn = contoursOnSlices(structureSetOf(dataset).rois, slices).onSlices;
    expect([...drawn.keys()].sort()).toEqual([0, 1, 2]);
    // (-6, -18) mm is 4 mm to the right, two columns, and 2 mm down, four rows, of the first pixel's centre.
    expect(drawn.get(1)).toMatchObject([{ isClosed: true, points: [[0.5, 0.5], [2.5, 0.5], [2.5, 4.5]] }]);
    expect(drawn.get(0)).toMatchObject([{ isClosed: false }]);
    expect(drawn.get(2)).toMatchObject([{ roi: { name: "Liver" }, points: [[1.5, 2.5]] }]);
  });

  it("has no contour on a series without places", () => {
    expect(contoursOnSlices(structureSetOf(dataset).rois, []).onSlices.size).toBe(0);
  });

  it("neither ends nor waits for what has very many points, and says that a part is not drawn", () => {
    const many = (count: number, contours: DicomJson[]): DicomJson => ({
      "30060020": sq(roi(count, "Very many")),
      "30060039": sq({ "30060084": is(count), "30060040": { vr: "SQ", Value: contours } }),
    });
    const onePoint = contour("POINT", -8, -19, 6);
    const data = Array.from({ length: 170_000 * 3 }, (_, at) => (at % 3 === 2 ? 3 : at % 7));
    const long: DicomJson = { ...contour("CLOSED_PLANAR"), "30060050": { vr: "DS", Value: data } };
    const begun = performance.now();
    for (const dataset of [many(1, Array<DicomJson>(120_000).fill(onePoint)), many(2, [long])]) {
      const [read] = structureSetOf(dataset).rois;
      const { onSlices, cut } = contoursOnSlices(read ? [read] : [], slices);
      expect([...onSlices.values()].flat().length).toBeLessThanOrEqual(100_000);
      expect([...cut]).toEqual([read]);
    }
    // By contours times contours it took more than a minute.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
