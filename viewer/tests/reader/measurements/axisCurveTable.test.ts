import { expect, it } from "vitest";
import { axisCurveTable, scaleName, valueName } from "@/features/reader/lib/measurements/axisCurveTable";

const point = {
  column: 3,
  row: 7,
  placeNumber: 2,
  scale: { kind: "time" as const, values: [0, 2.5], unit: "s" as const, source: "AcquisitionTime" },
  curve: { meaning: { unit: "g/ml{SUVbw}", name: "SUVbw" }, values: [1.25, NaN] },
  sopInstanceUids: ["1.2.3", "1.2.4"],
};

it("has a row for each value, with units and what states them, and an empty cell where there is no value", () => {
  const [head, first, second, end] = axisCurveTable([point]).split("\r\n");
  expect(head?.split(",")).toHaveLength(13);
  expect(first).toBe("1,2,3,7,1,Time,0,s,AcquisitionTime,1.25,SUVbw,g/ml{SUVbw},1.2.3");
  expect(second).toBe("1,2,3,7,2,Time,2.5,s,AcquisitionTime,,SUVbw,g/ml{SUVbw},1.2.4");
  expect(end).toBe("");
});

it("names axes with their units, and without one where there is none", () => {
  expect([scaleName(point.scale), valueName(point.curve)]).toEqual(["Time (s)", "SUVbw (g/ml)"]);
  expect(scaleName({ ...point.scale, kind: "step", unit: "" })).toBe("Image of the place");
  expect(valueName({ meaning: { unit: "[hnsf'U]", name: "" }, values: [] })).toBe("Value (HU)");
});
