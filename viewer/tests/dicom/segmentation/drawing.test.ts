import { describe, expect, it } from "vitest";
import { drawGridOf } from "@/dicom/drawing/drawable";
import { discAround, growRegion, withinRange } from "@/dicom/drawing/regions";
import { statisticsOf, sumsOnSlice, together } from "@/dicom/drawing/statistics";
import { segmentOnSlice } from "@/dicom/drawing/transfer";
import type { DicomJson } from "@/dicom/dicomweb";
import type { Slice } from "@/dicom/geometry";
import { orderSlices } from "@/dicom/sliceOrder";
import { renumbered } from "@/features/reader/lib/masks/drawnSegmentations";
import { freeNumber } from "@/features/reader/hooks/masks/drawnSegments";

const shape = { slices: 3, rows: 4, columns: 5 };

/** A slice of an axial, anisotropic series; `at` in mm along the normal. */
function image(at: number, over: { rows?: number; columns?: number; spacing?: [number, number]; origin?: [number, number] } = {}): DicomJson {
  const { rows = 4, columns = 5, spacing = [2, 0.5], origin = [10, -20] } = over;
  return {
    "00080018": { vr: "UI", Value: [`1.2.${at}`] },
    "00080060": { vr: "CS", Value: ["CT"] },
    "00200052": { vr: "UI", Value: ["1.9"] },
    "00200032": { vr: "DS", Value: [origin[0], origin[1], at] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
    "00280010": { vr: "US", Value: [rows] },
    "00280011": { vr: "US", Value: [columns] },
    "00280030": { vr: "DS", Value: spacing },
  };
}

function slicesOf(datasets: DicomJson[]): Slice[] {
  return orderSlices(datasets).slices;
}

describe("statistics", () => {
  // Mean and deviation of numpy.mean and numpy.std of the same values.
  it("are those of all voxels, whatever slice they lie on, without padding", () => {
    const first = sumsOnSlice([1, 1, 0, 2, 1], [100000.25, 100001.5, 7, 3, -2000], [{ lower: -2000, upper: -2000 }]);
    const second = sumsOnSlice([0, 1, 1], [1, 99999, 100004.25]);
    const [a, b] = [first.get(1), second.get(1)];
    if (!a || !b) throw new Error("The segment is missing.");
    const found = statisticsOf(together(a, b), 2.5);
    expect(found.voxels).toBe(5);
    expect(found.volumeMl).toBeCloseTo(0.0125, 12);
    expect(found.mean).toBeCloseTo(100001.25, 9);
    expect(found.stdDev).toBeCloseTo(1.9445436, 6);
  });

  it("know the volume where values are unknown", () => {
    const sum = sumsOnSlice([3, 3], null).get(3);
    expect(sum && statisticsOf(sum, 1000)).toEqual({ voxels: 2, volumeMl: 2, mean: null, stdDev: null });
  });
});

describe("region growing", () => {
  const values = [
    [9, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9],
    [0, 0, 0, 0, 0, 0, 9, 9, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0],
  ];
  const valuesOf = (slice: number) => Promise.resolve(values[slice] ?? null);
  const range = { lower: 5, upper: 10 };
  const sorted = (found: Map<number, number[]>) => new Map([...found].sort().map(([slice, at]) => [slice, at.toSorted((a, b) => a - b)]));

  it("follows the sides of voxels through slices and back, and no corner", async () => {
    const found = await growRegion(shape, { slice: 1, column: 1, row: 1 }, range, valuesOf);
    expect(sorted(found)).toEqual(new Map([[0, [0, 1, 6]], [1, [6, 7, 8, 13]], [2, [13, 14]]]));
  });

  it("stays on a slice when asked, and out of what must not change", async () => {
    expect(sorted(await growRegion(shape, { slice: 0, column: 1, row: 1 }, range, valuesOf, { inSliceOnly: true }))).toEqual(
      new Map([[0, [0, 1, 6]]]),
    );
    const found = await growRegion(shape, { slice: 1, column: 1, row: 1 }, range, valuesOf, { mayEnter: (slice, at) => slice === 1 && at !== 8 });
    expect(sorted(found)).toEqual(new Map([[1, [6, 7]]]));
  });

  it("finds nothing from a voxel outside of the range", async () => {
    expect(await growRegion(shape, { slice: 1, column: 0, row: 0 }, range, valuesOf)).toEqual(new Map());
  });
});

it("a range takes its ends, and no value that is none", () => {
  expect(withinRange([5, 10, 11, NaN, 4, 7], { lower: 5, upper: 10 }, (at) => at !== 5)).toEqual([0, 1]);
});

it("a brush is round in mm where pixels are not square", () => {
  expect(discAround({ rows: 5, columns: 9 }, { column: 4, row: 2 }, 1, [2, 0.5])).toEqual([20, 21, 22, 23, 24]);
  expect(discAround({ rows: 5, columns: 9 }, { column: 0, row: 0 }, 2, [2, 1])).toEqual([0, 1, 2, 9]);
});

describe("a copy on another series", () => {
  const source = slicesOf([image(0), image(3), image(6)]);
  const labels = source.map(() => new Uint8Array(20));
  labels[1]?.set([7, 7], 6);
  const drawn = source.map((slice, index) => ({ slice, labels: labels[index] ?? [] }));

  it("is the same on the same grid, and nothing elsewhere", () => {
    const there = slicesOf([image(3)])[0]?.dataset ?? {};
    expect(segmentOnSlice(drawn, 3, 7, there)).toEqual(labels[1]?.map((one) => (one ? 1 : 0)));
    expect(segmentOnSlice(drawn, 3, 7, image(0))).toBeNull();
    expect(segmentOnSlice(drawn, 3, 8, there)).toBeNull();
  });

  it("takes the nearest voxel on a finer grid that begins elsewhere", () => {
    // Pixels of 1 mm × 0.25 mm; the segment covers x 10.25 to 11.25 and y -19 to -17.
    const found = segmentOnSlice(drawn, 3, 7, image(4.4, { rows: 8, columns: 10, spacing: [1, 0.25], origin: [9.875, -20.5] }));
    const at = [...(found ?? [])].flatMap((value, index) => (value ? [[index % 10, Math.floor(index / 10)]] : []));
    expect(at).toEqual([2, 3].flatMap((row) => [2, 3, 4, 5].map((column) => [column, row])));
    expect(segmentOnSlice(drawn, 3, 7, image(4.6))).toBeNull();
  });
});

describe("a grid to draw on", () => {
  it("has voxels by spacing and distance", () => {
    const grid = drawGridOf(orderSlices([image(6), image(0), image(3)]));
    expect(grid).toMatchObject({ slices: 3, rows: 4, columns: 5, gapMm: 3, voxelMm3: 3, frameOfReferenceUid: "1.9" });
  });

  it("is none where a slice is missing, and says why", () => {
    expect(drawGridOf(orderSlices([image(0), image(3), image(9), image(12)]))).toMatch(/\w+/);
  });
});

it("segments are saved by their place in the list", () => {
  expect(renumbered(Uint8Array.from([0, 4, 2, 9]), [2, 4])).toEqual(Uint8Array.from([0, 2, 1, 0]));
  const taken = [1, 2, 4].map((number) => ({ number }) as Parameters<typeof freeNumber>[0][number]);
  expect(freeNumber(taken)).toBe(3);
});
