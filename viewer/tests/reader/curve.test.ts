import { expect, it } from "vitest";
import { curveLine } from "@/features/reader/lib/curve";

const size = { width: 100, height: 60, margin: 10 };

it("draws the greatest value at the top and the first point at the left", () => {
  expect(curveLine([[0, 5], [10, 25], [40, 5]], size)).toBe("10,50 30,10 90,50");
});

it("draws a curve of one value in the middle", () => {
  expect(curveLine([[1, 7], [2, 7]], size)).toBe("10,30 90,30");
});
