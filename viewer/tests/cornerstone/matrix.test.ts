import { expect, test } from "vitest";
import matrix from "@/cornerstone/masks/matrix";

test("a matrix is read and written row by row", () => {
  const read = matrix(Uint8Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
  expect([0, 1].map((row) => [0, 1, 2].map((column) => read.get(row, column)))).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  read.set(1, 0, 9);
  expect([...read.data]).toEqual([1, 2, 3, 9, 5, 6]);
  expect(read.shape).toEqual([2, 3]);
});
