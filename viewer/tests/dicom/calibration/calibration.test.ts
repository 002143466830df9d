import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { handCalibrations, type HandCalibration } from "@/dicom/calibration/byHand";
import { calibrateByHand, calibrationOf, forDrawing } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { NotMeasurable, shownScaleMm, type Point } from "@/dicom/calibration/scale";
import type { DicomJson } from "@/dicom/dicomweb";
import { frameHeaders } from "@/dicom/frameHeader";
import { kindOf } from "@/dicom/measurements/measurement";

/** The node's own table, with values computed by hand. */
const matrix = join(import.meta.dirname, "../../../../tests/inference/calibration/matrix.json");

interface Drawing {
  shape: string;
  points: Point[];
  is_closed?: boolean;
  measured?: [string, number, string][];
  refused?: string;
}

interface Case {
  name: string;
  header: Attributes;
  frame_number?: number;
  hand_calibration?: { points: HandCalibration["points"]; length_mm: number };
  source: string;
  spacing_mm: [number, number] | null;
  caveats: string[];
  bar_mm: [number, number] | null;
  drawings: Drawing[];
}

interface Attributes {
  [keyword: string]: unknown;
}

const tags: Record<string, string> = {
  SOPClassUID: "00080016",
  ImageType: "00080008",
  Modality: "00080060",
  ConversionType: "00080064",
  ImageOrientationPatient: "00200037",
  Rows: "00280010",
  Columns: "00280011",
  NumberOfFrames: "00280008",
  PixelAspectRatio: "00280034",
  PixelSpacing: "00280030",
  PixelSpacingCalibrationType: "00280A02",
  ImagerPixelSpacing: "00181164",
  NominalScannedPixelSpacing: "00182010",
  ImagePlanePixelSpacing: "30020011",
  EstimatedRadiographicMagnificationFactor: "00181114",
  SharedFunctionalGroupsSequence: "52009229",
  PerFrameFunctionalGroupsSequence: "52009230",
  PixelMeasuresSequence: "00289110",
  PlaneOrientationSequence: "00209116",
  FramePixelDataPropertiesSequence: "00289443",
  ProjectionPixelCalibrationSequence: "00189401",
  XRayGeometrySequence: "00189476",
  ObjectPixelSpacingInCenterOfBeam: "00189404",
  SequenceOfUltrasoundRegions: "00186011",
  RegionSpatialFormat: "00186012",
  RegionDataType: "00186014",
  RegionFlags: "00186016",
  RegionLocationMinX0: "00186018",
  RegionLocationMinY0: "0018601A",
  RegionLocationMaxX1: "0018601C",
  RegionLocationMaxY1: "0018601E",
  ReferencePixelX0: "00186020",
  ReferencePixelY0: "00186022",
  PhysicalUnitsXDirection: "00186024",
  PhysicalUnitsYDirection: "00186026",
  ReferencePixelPhysicalValueX: "00186028",
  ReferencePixelPhysicalValueY: "0018602A",
  PhysicalDeltaX: "0018602C",
  PhysicalDeltaY: "0018602E",
};

function jsonOf(attributes: Attributes): DicomJson {
  return Object.fromEntries(
    Object.entries(attributes).map(([keyword, value]) => {
      const tag = tags[keyword];
      if (!tag) throw new Error(`The table of tags lacks ${keyword}.`);
      const values = (Array.isArray(value) ? value : [value]) as unknown[];
      const items = values.map((one) => (typeof one === "object" && one !== null ? jsonOf(one as Attributes) : one));
      return [tag, { vr: "UN", Value: items }];
    }),
  );
}

const cases = (JSON.parse(readFileSync(matrix, "utf-8")) as Case[]).map((one) => {
  const header = frameHeaders({ ...jsonOf(one.header), "00080018": { vr: "UI", Value: ["1.2"] } })[(one.frame_number ?? 1) - 1];
  const stated = calibrationOf(header ?? {});
  const line = one.hand_calibration;
  const byHand = line && calibrateByHand(stated, { points: line.points, lengthMm: line.length_mm }, String(one.header.Modality));
  return { ...one, calibration: byHand ?? stated, stated, frame: header ?? {} };
});

describe("what a pixel is worth", () => {
  it.each(cases)("$name", ({ calibration, source, spacing_mm, caveats, bar_mm, drawings }) => {
    expect(calibration.source).toBe(source);
    expectSpacing(calibration.spacingMm, spacing_mm);
    expect(calibration.caveats).toEqual(caveats);
    expectSpacing(shownScaleMm(calibration), bar_mm);
    for (const { shape, points, is_closed = false, measured, refused } of drawings) {
      const kind = kindOf(shape);
      if (!kind) throw new Error(`There is no kind ${shape}.`);
      const found = quantitiesOfShape(kind, points, calibration, is_closed);
      if (refused !== undefined) {
        expect(found, shape).toEqual(new NotMeasurable(refused as NotMeasurable["obstacle"]));
        continue;
      }
      if (found instanceof NotMeasurable) throw new Error(`${shape} was refused: ${found.obstacle}.`);
      expect(found.map(({ quantity, unit }) => [quantity, unit])).toEqual(measured?.map(([name, , unit]) => [name, unit]));
      for (const [index, { value }] of found.entries()) expect(value).toBeCloseTo(measured?.[index]?.[1] ?? NaN, 4);
    }
  });
});

function expectSpacing(found: readonly number[] | null, expected: readonly number[] | null) {
  if (expected === null) expect(found).toBeNull();
  else for (const [index, value] of expected.entries()) expect(found?.[index]).toBeCloseTo(value, 6);
}

describe("the header that Cornerstone reads", () => {
  it("has the spacing that was decided, or the proportions of a pixel, and no ultrasound regions", () => {
    for (const { frame, stated } of cases) {
      const drawn = forDrawing(frame);
      const { spacingMm, aspect } = stated;
      const expected = spacingMm ?? (aspect[0] === aspect[1] ? undefined : aspect);
      expect(drawn["00280030"]?.Value).toEqual(expected && [...expected]);
      expect(drawn["00181164"]).toBeUndefined();
      expect(drawn["00186011"]).toBeUndefined();
    }
  });
});

describe("an image that is calibrated by hand", () => {
  const film: DicomJson = {
    "00080018": { vr: "UI", Value: ["1.2.3"] },
    "00080060": { vr: "CS", Value: ["CR"] },
    "00181164": { vr: "DS", Value: [0.1, 0.1] },
  };
  afterEach(() => handCalibrations.clear());

  it("is measured by its line until that is taken back, and drawn as before", () => {
    const drawn = forDrawing(film);
    handCalibrations.set("1.2.3", { points: [[0, 0], [250, 0]], lengthMm: 20 });
    expect(calibrationOf(film)).toMatchObject({ source: "by_hand", spacingMm: [0.08, 0.08], caveats: ["by_hand"] });
    expect(quantitiesOfShape("length", [[0, 0], [0, 100]], calibrationOf(film), false)).toEqual([{ quantity: "length", value: 8, unit: "mm" }]);
    expect(forDrawing(film)).toEqual(drawn);
    handCalibrations.clear();
    expect(calibrationOf(film)).toMatchObject({ source: "imager_pixel_spacing", caveats: ["at_detector"] });
  });

  it("leaves the other images alone, and a CT whose header is right", () => {
    const other: DicomJson = { ...film, "00080018": { vr: "UI", Value: ["1.2.4"] } };
    const ct: DicomJson = { "00080018": { vr: "UI", Value: ["1.2.3"] }, "00080060": { vr: "CS", Value: ["CT"] }, "00280030": { vr: "DS", Value: [0.7, 0.7] } };
    handCalibrations.set("1.2.3", { points: [[0, 0], [250, 0]], lengthMm: 20 });
    expect(calibrationOf(other).source).toBe("imager_pixel_spacing");
    expect(calibrationOf(ct)).toMatchObject({ source: "pixel_spacing", spacingMm: [0.7, 0.7], caveats: [] });
  });

  it.each([
    ["metres for millimetres", 20_000],
    ["micrometres", 0.02],
  ])("is not one of %s", (_, lengthMm) => {
    handCalibrations.set("1.2.3", { points: [[0, 0], [250, 0]], lengthMm });
    expect(calibrationOf(film).source).toBe("imager_pixel_spacing");
  });
});
