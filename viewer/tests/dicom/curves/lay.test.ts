import { expect, it } from "vitest";
import { layOf } from "@/dicom/curves/lay";
import { curvedShades, placeAt, shareOf } from "@/dicom/curves/screen";
import type { Vector } from "@/dicom/geometry";

it("lays a spine with the head above, from whichever end it was clicked", () => {
  const fromHead: Vector[] = [[0, 40, 300], [2, 60, 200], [0, 35, 100]];
  for (const points of [fromHead, [...fromHead].reverse()]) {
    expect(layOf(points)).toEqual({ runs: "down", points: fromHead, towards: [1, 0, 0] });
  }
});

it("lays a dental arch with the patient's right on the left, from whichever end it was clicked", () => {
  const fromRight: Vector[] = [[-30, 20, 5], [0, -25, 0], [30, 20, 4]];
  for (const points of [fromRight, [...fromRight].reverse()]) {
    expect(layOf(points)).toEqual({ runs: "right", points: fromRight, towards: [0, 0, 1] });
  }
});

it("finds a place of the curve on the picture, and the place that the picture shows there", () => {
  const shape = { width: 41, height: 81, acrossMm: 0.5, downMm: 0.25 };
  expect(placeAt(shape, "down", [20.5 / 41, 0.5 / 81])).toEqual({ alongMm: expect.closeTo(0, 9), acrossMm: expect.closeTo(0, 9) });
  expect(placeAt(shape, "right", [80.5 / 81, 0])).toEqual({ alongMm: expect.closeTo(20, 9), acrossMm: expect.closeTo(10.25, 9) });
  for (const runs of ["down", "right"] as const) {
    const place = placeAt(shape, runs, [0.3, 0.8]);
    expect(shareOf(shape, runs, place)).toEqual([expect.closeTo(0.3, 9), expect.closeTo(0.8, 9)]);
  }
});

it("draws a curve that runs to the right with what lies above it above, and black beside the volume", () => {
  const sampled = { values: Float32Array.of(1, 2, 3, 4, NaN, 6), width: 3, height: 2, acrossMm: 1, downMm: 1 };
  const shown = (runs: "down" | "right", inverted: boolean) =>
    [...curvedShades(sampled, runs, { lower: 0, upper: 255, inverted })].filter((_, at) => at % 4 === 0);
  expect(shown("down", false)).toEqual([1, 2, 3, 4, 0, 6]);
  expect(shown("right", false)).toEqual([3, 6, 2, 0, 1, 4]);
  expect(shown("down", true)).toEqual([254, 253, 252, 251, 0, 249]);
});
