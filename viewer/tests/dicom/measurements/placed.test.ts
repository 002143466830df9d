import { describe, expect, it } from "vitest";
import type { MeasuringKind } from "@/dicom/measurements/measurement";
import { newMeasurement, placesOf, shapeOfPlaces, type Place } from "@/dicom/measurements/placed";

describe("a shape that is placed point by point", () => {
  it.each<[MeasuringKind, Place[], Place[]]>([
    ["length", [[1, 2], [5, 2]], [[1, 2], [5, 2]]],
    ["angle", [[1, 2], [5, 2], [5, 9]], [[1, 2], [5, 2], [5, 9]]],
    ["circle", [[10, 10], [14, 10]], [[10, 10], [14, 10]]],
    ["rectangle", [[1, 2], [5, 9]], [[1, 2], [5, 2], [5, 9], [1, 9]]],
    ["ellipse", [[0, 0], [10, 4]], [[0, 2], [10, 2], [5, 0], [5, 4]]],
    // The third point says where the short axis stands and how far it goes, the fourth how far on the other side.
    ["bidirectional", [[0, 0], [10, 0], [4, 3], [5, -2]], [[0, 0], [10, 0], [4, 3], [4, -2]]],
    ["probe", [[3, 4]], [[3, 4]]],
  ])("%s", (kind, places, points) => {
    expect(shapeOfPlaces(kind, places.slice(0, -1), 1)).toBeNull();
    expect(shapeOfPlaces(kind, places, 1)).toEqual({ points, isClosed: false });
    expect(placesOf(kind)).toBe(places.length);
  });

  it("a freehand line ends upon its last point, or closes upon its first", () => {
    const corners: Place[] = [[0, 0], [10, 0], [10, 10]];
    expect(shapeOfPlaces("freehand", corners, 1)).toBeNull();
    expect(shapeOfPlaces("freehand", [...corners, [10, 10]], 1)).toEqual({ points: corners, isClosed: false });
    expect(shapeOfPlaces("freehand", [...corners, [0, 0]], 1)).toEqual({ points: corners, isClosed: true });
  });

  it("is none without extent", () => {
    const of = { kind: "length", sopInstanceUid: "1.2", frameNumber: 1, label: "", trackingUid: "2.25.1" } as const;
    expect(newMeasurement(of, { points: [[3, 3], [3, 3]], isClosed: false })).toBeNull();
    expect(newMeasurement(of, { points: [[3, 3], [9, 3]], isClosed: false })?.points).toEqual([[3, 3], [9, 3]]);
  });
});
