import { expect, it } from "vitest";
import { layOf } from "@/dicom/curves/lay";
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
