import { expect, it } from "vitest";
import type { Measurement } from "@/dicom/measurements/measurement";
import { ratioOf, withSize } from "@/features/reader/lib/measurements/ratio";

const drawn = (quantity: string, value: number, unit: string, obstacle: Measurement["obstacle"] = null): Measurement => ({
  trackingUid: `2.25.${value}`,
  kind: "length",
  sopInstanceUid: "1.2",
  frameNumber: 1,
  points: [],
  isClosed: false,
  label: "",
  measured: [{ quantity, value, unit }],
  obstacle,
  savedAs: [],
  caveats: [],
  madeBy: null,
  takenOver: null,
});

it("is of two sizes of one kind and unit", () => {
  const [heart, thorax] = [drawn("length", 132, "mm"), drawn("length", 290, "mm")];
  expect(ratioOf(heart, thorax)).toBeCloseTo(0.4552, 4);
  expect(ratioOf(heart, heart)).toBeNull();
  expect(ratioOf(heart, drawn("length", 290, "{pixels}"))).toBeNull();
  expect(ratioOf(heart, drawn("area", 290, "mm2"))).toBeNull();
  expect(ratioOf(heart, undefined)).toBeNull();
});

it("is not taken of what is not measurable, of angles and of nothing", () => {
  const list = [drawn("length", 10, "mm"), drawn("angle", 30, "deg"), drawn("length", 0, "mm"), drawn("area", 4, "mm2"), drawn("length", 5, "mm", "no_region" as Measurement["obstacle"])];
  expect(withSize(list).map(({ measured }) => measured[0]?.value)).toEqual([4, 10]);
});
