import { expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { lpsOfPixel, type Slice, type Vector } from "@/dicom/geometry";
import { referenceOnImage, referenceOnPlane, referencePoint } from "@/dicom/measurements/referencePoint";

/** Pixels 0.8 mm high and 0.5 mm wide, of a plane tilted about the patient's left-right axis. */
function image(frameOfReference: string, position: number[], orientation = [1, 0, 0, 0, 0.8, -0.6]): DicomJson {
  return {
    "00080060": { vr: "CS", Value: ["MR"] },
    "00200052": { vr: "UI", Value: [frameOfReference] },
    "00200032": { vr: "DS", Value: position },
    "00200037": { vr: "DS", Value: orientation },
    "00280030": { vr: "DS", Value: [0.8, 0.5] },
  };
}

const slice = (dataset: DicomJson) => ({ dataset }) as Slice;
const tilted = image("1.1", [-60, -100, 40]);

function marked(lps: Vector, dataset = tilted) {
  const point = referencePoint(lps, [slice(dataset)]);
  if (!point) throw new Error("There is no reference point.");
  return point;
}

it("lies on the pixel whose place in the patient was marked, also on an oblique image", () => {
  const lps = lpsOfPixel(tilted, 100, 30) as Vector;
  const found = referenceOnImage(marked(lps), tilted);
  expect(found?.column).toBeCloseTo(100.5, 6);
  expect(found?.row).toBeCloseTo(30.5, 6);
  expect(found?.offMm).toBeCloseTo(0, 6);
});

it("stays at its place while slices are scrolled, and says how far they are from it", () => {
  const lps = lpsOfPixel(tilted, 100, 30) as Vector;
  // 5 mm further along the normal: (1, 0, 0) × (0, 0.8, -0.6) = (0, 0.6, 0.8).
  const next = image("1.1", [-60, -100 + 3, 40 + 4]);
  const found = referenceOnImage(marked(lps), next);
  expect([found?.column, found?.row, found?.offMm]).toEqual([expect.closeTo(100.5, 6), expect.closeTo(30.5, 6), expect.closeTo(-5, 6)]);
});

it("is found on planes of another direction, of the same patient's space alone", () => {
  const point = marked([10, 20, 30]);
  const sagittal = image("1.1", [10, -80, 110], [0, 1, 0, 0, 0, -1]);
  expect(referenceOnImage(point, sagittal)).toEqual({ column: expect.closeTo(200.5, 6), row: expect.closeTo(100.5, 6), offMm: expect.closeTo(0, 6) });
  expect(referenceOnImage(point, image("1.2", [10, -80, 110], [0, 1, 0, 0, 0, -1]))).toBeNull();
  const screen = { origin: [0, 20, 60] as Vector, nextColumn: [0.25, 0, 0] as Vector, nextRow: [0, 0, -0.25] as Vector, columns: 400, rows: 400 };
  expect(referenceOnPlane(point, screen, tilted)).toEqual({ column: 40.5, row: 120.5, offMm: 0 });
  expect(referenceOnPlane(point, screen, image("1.2", [0, 0, 0]))).toBeNull();
});

it("is none on images that share no space with others", () => {
  expect(referencePoint([0, 0, 0], [slice({ "00080060": { vr: "CS", Value: ["CR"] } })])).toBeNull();
  expect(referencePoint([0, 0, 0], [])).toBeNull();
});
