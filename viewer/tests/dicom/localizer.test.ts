import { expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { frameHeaders } from "@/dicom/frameHeader";
import { frameLocations } from "@/dicom/localizer";

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value });
const location = (orientation: string, ...coordinates: number[]): DicomJson => ({
  "00081155": value("UI", "1.2.3"),
  "00220032": value("FL", ...coordinates),
  "00220039": value("CS", orientation),
});

it("reads the line of each frame, rows before columns", () => {
  const headers = frameHeaders({
    "00280008": value("IS", 2),
    "52009229": value("SQ", {}),
    "52009230": value(
      "SQ",
      { "00220031": value("SQ", location("LINEAR", 10, 20, 10, 80)) },
      { "00220031": value("SQ", location("LINEAR", 30.5, 20, 40, 80)) },
    ),
  });
  expect(headers.map(frameLocations)).toEqual([
    [{ sopInstanceUid: "1.2.3", frameNumber: 1, points: [[20, 10], [80, 10]], isClosed: false }],
    [{ sopInstanceUid: "1.2.3", frameNumber: 1, points: [[20, 30.5], [80, 40]], isClosed: false }],
  ]);
});

it("reads a scan along a curve, and a frame that lies along the photograph as a rectangle", () => {
  const curve = { "00220031": value("SQ", location("NONLINEAR", 1, 2, 3, 4, 5, 6)) };
  expect(frameLocations(curve)[0]?.points).toEqual([[2, 1], [4, 3], [6, 5]]);
  const along = { "00220031": value("SQ", { ...location("TRANSVERSE", 10, 20, 40, 70), "00081160": value("IS", 2) }) };
  expect(frameLocations(along)).toEqual([
    { sopInstanceUid: "1.2.3", frameNumber: 2, points: [[20, 10], [70, 10], [70, 40], [20, 40]], isClosed: true },
  ]);
});

it("has no place without a photograph, or with a single point", () => {
  expect(frameLocations({})).toEqual([]);
  expect(frameLocations({ "00220031": value("SQ", location("LINEAR", 10, 20)) })).toEqual([]);
  expect(frameLocations({ "00220031": value("SQ", { ...location("LINEAR", 1, 2, 3, 4), "00081155": undefined }) })).toEqual([]);
});
