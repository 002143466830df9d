import { describe, expect, it } from "vitest";
import { projected, slabAt, slabPlaces } from "@/dicom/display/stackSlab";
import type { Slice } from "@/dicom/geometry";

function slice(sopInstanceUid: string, frameNumber: number, z: number | null): Slice {
  const at = z === null ? {} : { "00200032": { vr: "DS", Value: [0, 0, z] } };
  return {
    sopInstanceUid,
    frameNumber,
    positionMm: null,
    dataset: {
      "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
      "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
      ...at,
    },
  };
}

describe("slabs of a tomosynthesis", () => {
  // Stored from the top down, and two views in one series.
  const slices = [...[8, 6, 4, 2, 0].map((z, index) => slice("1.1", index + 1, z)), slice("1.2", 1, 0), slice("1.2", 2, 1)];
  const places = slabPlaces(slices);

  it("take neighbours of the same view by their place in the breast", () => {
    expect(places[0]).toEqual({ view: [4, 3, 2, 1, 0], at: 4, spacingMm: 2 });
    expect(slabAt(places[2]!, { projection: "mean", slices: 3 })).toEqual({ indexes: [3, 2, 1], thicknessMm: 6 });
    expect(slabAt(places[2]!, { projection: "mean", slices: 2 })).toEqual({ indexes: [2, 1], thicknessMm: 4 });
  });

  it("are thinner at the ends, and say so", () => {
    expect(slabAt(places[0]!, { projection: "max", slices: 3 })).toEqual({ indexes: [1, 0], thicknessMm: 4 });
  });

  it("are made of single frames by their side and view, beside a 2D view without a place", () => {
    const of = (number: number, laterality: string, z: number | null): Slice => {
      const one = slice(`1.5.${number}`, 1, z);
      return { ...one, dataset: { ...one.dataset, "00280010": { vr: "US", Value: [64] }, "00200062": { vr: "CS", Value: [laterality] } } };
    };
    const both = [0, 1, 2].flatMap((z) => [of(2 * z, "L", z), of(2 * z + 1, "R", z)]);
    const places = slabPlaces([...both, of(9, "L", null)]);
    expect(places[2]).toEqual({ view: [0, 2, 4], at: 1, spacingMm: 1 });
    expect(places[5]).toEqual({ view: [1, 3, 5], at: 2, spacingMm: 1 });
    expect(places[6]).toBeNull();
  });

  it("are none of two slices, of uneven distances or without positions", () => {
    expect(places.slice(5)).toEqual([null, null]);
    expect(slabPlaces([0, 1, 5].map((z, index) => slice("1.3", index + 1, z)))).toEqual([null, null, null]);
    expect(slabPlaces([1, 2, 3].map((number) => slice("1.4", number, null)))).toEqual([null, null, null]);
  });

  it("show what is brightest, also where low values are bright", () => {
    const pictures = [
      [1, 50],
      [9, 20],
    ];
    expect([...projected(pictures, "max", false)]).toEqual([9, 50]);
    expect([...projected(pictures, "max", true)]).toEqual([1, 20]);
    expect([...projected(pictures, "mean", false)]).toEqual([5, 35]);
  });
});
