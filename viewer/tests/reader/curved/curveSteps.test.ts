import { expect, it } from "vitest";
import type { Vector } from "@/dicom/geometry";
import { changed, noCurve, placeForPoint, redone, undone } from "@/features/reader/lib/curved/curveSteps";

const [a, b, c]: [Vector, Vector, Vector] = [[0, 0, 0], [1, 0, 0], [2, 0, 0]];

it("takes back a point, and a drag as one step, and gives them again", () => {
  const placed = changed(changed(noCurve, [a]), [a, b]);
  const dragged = changed(changed(placed, [a, c]), [a, [3, 0, 0]], true);
  expect(undone(dragged).points).toEqual([a, b]);
  expect(undone(undone(dragged)).points).toEqual([a]);
  expect(redone(redone(undone(undone(dragged)))).points).toEqual([a, [3, 0, 0]]);
  expect(undone(noCurve)).toBe(noCurve);
});

it("forgets what was taken back once something else is done", () => {
  expect(redone(changed(undone(changed(noCurve, [a])), [b])).points).toEqual([b]);
});

it("puts a point on the curve between its neighbours, and any other at the end", () => {
  const pointsMm = [0, 10, 30];
  expect(placeForPoint(pointsMm, false, 12)).toBe(2);
  expect(placeForPoint(pointsMm, false, 4)).toBe(1);
  // Drawn from its last point to its first.
  expect(placeForPoint(pointsMm, true, 4)).toBe(2);
  expect(placeForPoint(pointsMm, false, null)).toBe(3);
  expect(placeForPoint(pointsMm, false, 30)).toBe(3);
});
