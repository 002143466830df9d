import { describe, expect, it } from "vitest";
import { shapesBetween, signedDistances } from "@/dicom/display/interpolation";

const columns = 41;

function disc(radius: number, centerColumn = 20, centerRow = 20): Uint8Array {
  return Uint8Array.from({ length: columns * columns }, (_, at) =>
    Math.hypot((at % columns) - centerColumn, Math.floor(at / columns) - centerRow) <= radius ? 1 : 0,
  );
}

function count(shape: Uint8Array): number {
  return shape.reduce((sum, value) => sum + value, 0);
}

describe("shapes between two slices", () => {
  it("grow steadily from the smaller to the larger", () => {
    const between = shapesBetween(disc(4), disc(12), columns, 3);
    for (const [index, shape] of between.entries()) {
      const radius = Math.sqrt(count(shape) / Math.PI);
      expect(radius).toBeCloseTo(4 + 2 * (index + 1), 0);
    }
  });

  it("move with their shapes, and are the same between two equal ones", () => {
    const [half] = shapesBetween(disc(8, 16), disc(8, 24), columns, 1);
    const sum = (half ?? new Uint8Array()).reduce((total, value, at) => total + value * (at % columns), 0);
    expect(sum / count(half ?? new Uint8Array())).toBeCloseTo(20, 5);
    expect([...(shapesBetween(disc(7), disc(7), columns, 2)[1] ?? [])]).toEqual([...disc(7)]);
  });

  it("measure the distance to the outline on both of its sides", () => {
    const distances = signedDistances(disc(5), columns);
    expect(distances[20 * columns + 20]).toBeGreaterThan(4);
    expect(distances[20 * columns + 25]).toBeCloseTo(0.5);
    expect(distances[20 * columns + 26]).toBeCloseTo(-0.5);
    expect(distances[0]).toBeLessThan(-18);
  });
});
