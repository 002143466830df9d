import { expect, it } from "vitest";
import { heatPicture, type HeatMap } from "@/dicom/display/heatMap";

const map = (values: number[][], change: Partial<HeatMap> = {}): HeatMap => ({
  method: "occlusion",
  meaning: "",
  frame_number: null,
  values,
  row_edges: [20, 30, 60],
  column_edges: [0, 7, 15, 22],
  image_from_grid: [0, 2, -4, 0, 320, 10],
  ...change,
});

it("draws each part between its own borders, as strongly as it counts", () => {
  const { bands, most, transform } = heatPicture(map([[0.4, 0.4, 0.1], [0, 0.2, -0.3]]));
  expect(most).toBe(0.4);
  // Of the most: a quarter, a half, all of it. What raises the probability when hidden is not drawn.
  expect(bands).toEqual([
    { share: 0.25, path: "M15 20H22V30H15Z" },
    { share: 0.5, path: "M7 30H15V60H7Z" },
    { share: 1, path: "M0 20H15V30H0Z" },
  ]);
  expect(transform).toBe("matrix(0 2 -4 0 320 10)");
});

it("outlines the parts that count for half as much as the most, or more", () => {
  const { outline } = heatPicture(map([[0.4, 0.1, 0], [0.3, 0, 0]]));
  expect(outline.split("M").slice(1).sort()).toEqual(["0 20H7", "0 20V30", "0 30V60", "0 60H7", "7 20V30", "7 30V60"]);
});

it("draws nothing where hiding never lowers the probability", () => {
  const { bands, outline, most, least } = heatPicture(map([[0, -0.1, 0], [-0.2, 0, 0]]));
  expect([bands, outline, most, least]).toEqual([[], "", 0, -0.2]);
});
