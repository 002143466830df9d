import { expect, it } from "vitest";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { caveatsOf, forNode, kindOf, type Measurement } from "@/dicom/measurements/measurement";
import { pointsForNode } from "@/cornerstone/annotations/annotations";
import { measurementSentence } from "@/features/reader/lib/measurements/measurementSentence";

const note: Measurement = {
  trackingUid: "2.25.7",
  kind: "text",
  sopInstanceUid: "1.2.3",
  frameNumber: 1,
  points: [[12.5, 40]],
  isClosed: false,
  label: "Z. n. Sternotomie, Drähte intakt",
  measured: [],
  obstacle: null,
  savedAs: [],
  caveats: [],
  madeBy: null,
  takenOver: null,
};

it("is text at one point, without a size or a caveat, also on a film without a scale", () => {
  const film = calibrationOf({ "00080018": { vr: "UI", Value: ["1.2.3"] } });
  expect(kindOf("TEXT")).toBe("text");
  expect(quantitiesOfShape("text", note.points, film, false)).toEqual([]);
  expect(caveatsOf("text", film)).toEqual([]);
  // Cornerstone keeps two points of it.
  expect(pointsForNode("text", { handles: { points: [[1, 2, 3], [4, 5, 6]] } })).toEqual([[1, 2, 3]]);
  expect(forNode(note)).toMatchObject({ shape: "TEXT", points: [[12.5, 40]], label: "Z. n. Sternotomie, Drähte intakt" });
});

it("goes into the report in its own words, with its place", () => {
  expect(measurementSentence(note, { seriesNumber: 2, imageNumber: 5, frameNumber: null }, "de")).toBe(
    "Z. n. Sternotomie, Drähte intakt (Serie 2, Bild 5).",
  );
});
