import { describe, expect, it } from "vitest";
import { inPlane, type Vector } from "@/dicom/geometry";
import { planePlace, turnedAbout, turnedDirection } from "@/dicom/planePlace";
import { placeLines } from "@/features/reader/lib/planeText";

describe("where a plane lies", () => {
  it("is measured from the origin, whichever way its normal points", () => {
    for (const normal of [[0, 0, 1], [0, 0, -1]] as Vector[]) {
      expect(planePlace("axial", normal, [5, 6, 34.5])).toEqual({ letters: "H", distanceMm: 34.5, tiltDegrees: 0 });
      expect(planePlace("axial", normal, [5, 6, -34.5])).toEqual({ letters: "F", distanceMm: 34.5, tiltDegrees: 0 });
    }
    expect(planePlace("sagittal", [-1, 0, 0], [-12, 0, 0])).toMatchObject({ letters: "R", distanceMm: 12 });
    expect(planePlace("coronal", [0, 1, 0], [0, 7, 0])).toMatchObject({ letters: "P", distanceMm: 7 });
  });

  it("tells by how much it was turned", () => {
    const normal = turnedDirection([0, 1, 0], [0, 0, 1], 30);
    const place = planePlace("coronal", normal, [0, 10, 0]);
    expect(place.tiltDegrees).toBeCloseTo(30, 6);
    expect(place.distanceMm).toBeCloseTo(10 * Math.cos(Math.PI / 6), 6);
    expect(place.letters).toBe("PR");
    expect(placeLines({ place, slab: { projection: "max", thicknessMm: 12 } })).toEqual([
      "PR 8.7 mm, turned by 30.0°",
      "Maximum (MIP) 12 mm",
    ]);
    expect(placeLines({ place: { ...place, tiltDegrees: 0 }, slab: { projection: "slice", thicknessMm: 12 } })).toEqual(["PR 8.7 mm"]);
  });
});

it("turns points about a centre, counterclockwise against the axis", () => {
  const [x, y, z] = turnedAbout([3, 1, 9], [1, 1, 4], [0, 0, 1], 90);
  expect([x, y, z].map((one) => Number(one.toFixed(9)))).toEqual([1, 3, 9]);
});

it("keeps distances and angles in the coordinates of a plane", () => {
  const normal = turnedDirection(turnedDirection([0, 0, 1], [1, 0, 0], 35), [0, 1, 0], -20);
  const across = turnedDirection(turnedDirection([1, 0, 0], [1, 0, 0], 35), [0, 1, 0], -20);
  const from: Vector = [10, -4, 7];
  const to = from.map((one, at) => one + 41.5 * (across[at] ?? 0)) as Vector;
  const [a, b] = inPlane(normal, [from, to]);
  expect(Math.hypot((a?.[0] ?? 0) - (b?.[0] ?? 0), (a?.[1] ?? 0) - (b?.[1] ?? 0))).toBeCloseTo(41.5, 9);
});
