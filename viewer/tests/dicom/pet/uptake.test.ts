import { describe, expect, it } from "vitest";
import { peakKernel, peakRadiusMm, slicesNeeded, totalOf, uptakeIn, type SuvVolume } from "@/dicom/pet/uptake";

/** A volume of SUVs by the place of each voxel, mm from the middle. */
function volume(
  [columns, rows, sliceCount]: [number, number, number],
  [columnSpacingMm, rowSpacingMm, gapMm]: [number, number, number],
  suv: (x: number, y: number, z: number) => number,
): SuvVolume {
  const slices = Array.from({ length: sliceCount }, (_, slice) =>
    Float32Array.from({ length: rows * columns }, (_, at) =>
      suv(
        ((at % columns) - (columns - 1) / 2) * columnSpacingMm,
        (Math.floor(at / columns) - (rows - 1) / 2) * rowSpacingMm,
        (slice - (sliceCount - 1) / 2) * gapMm,
      ),
    ),
  );
  return { columns, rows, columnSpacingMm, rowSpacingMm, gapMm, sliceCount, slice: (index) => slices[index] ?? null };
}

const middle = { column: 20, row: 15, slice: 12, radiusMm: 25 };
const size: [number, number, number] = [41, 31, 25];
const spacing: [number, number, number] = [2, 3, 4];

describe("SUVpeak", () => {
  it("is taken of 1 ml", () => {
    expect((4 / 3) * Math.PI * peakRadiusMm ** 3).toBeCloseTo(1000, 6);
    const { weights } = peakKernel({ columnSpacingMm: 2, rowSpacingMm: 3, gapMm: 4 });
    expect(weights.reduce((sum, [, , , weight]) => sum + weight, 0)).toBeCloseTo(1, 9);
    // A sphere has the same extent in mm each way: its second moments are r²/5, and those of the voxels, mm²/12, more.
    for (const axis of [0, 1, 2] as const) {
      const mm = spacing[axis];
      const moment = weights.reduce((sum, one) => sum + one[3] * (one[axis] * mm) ** 2, 0);
      expect(moment).toBeCloseTo(peakRadiusMm ** 2 / 5 + mm ** 2 / 12, 0);
    }
  });

  it("is below the maximum of a single hot voxel, and the maximum of a large flat lesion", () => {
    const one = uptakeIn(volume(size, spacing, (x, y, z) => (x === 0 && y === 0 && z === 0 ? 30 : 1)), middle, { kind: "share", share: 0.41 });
    expect(one?.max).toBe(30);
    // 24 mm³ of 1,000 have 30, the rest 1.
    expect(one?.peak).toBeCloseTo(1 + 29 * 0.024, 2);
    const flat = uptakeIn(volume(size, spacing, (x, y, z) => (Math.hypot(x, y, z) < 16 ? 9 : 1)), middle, { kind: "share", share: 0.41 });
    expect(flat?.peak).toBeCloseTo(9, 4);
  });

  it("is none where a sphere of 1 ml would leave the images", () => {
    const found = uptakeIn(volume([5, 5, 3], [2, 2, 2], () => 3), { column: 2, row: 2, slice: 1, radiusMm: 3 }, { kind: "suv", suv: 2 });
    expect(found?.peak).toBeNull();
    expect(found?.max).toBe(3);
  });
});

describe("the volume above a threshold", () => {
  const ball = volume(size, spacing, (x, y, z) => (Math.hypot(x, y, z) <= 15 ? 10 : Math.hypot(x, y, z) <= 18 ? 4 : 1));

  it("is that of the voxels which reach it", () => {
    const share = uptakeIn(ball, middle, { kind: "share", share: 0.41 });
    const fixed = uptakeIn(ball, middle, { kind: "suv", suv: 4 });
    expect((share?.volumeMl ?? 0) / ((4 / 3) * Math.PI * 3.375)).toBeCloseTo(1, 1);
    expect((fixed?.volumeMl ?? 0) / ((4 / 3) * Math.PI * 5.832)).toBeCloseTo(1, 1);
    expect(share?.mean).toBe(10);
    expect(share?.tlg).toBeCloseTo(10 * (share?.volumeMl ?? 0), 6);
    expect(uptakeIn(ball, middle, { kind: "suv", suv: 11 })).toMatchObject({ volumeMl: 0, tlg: 0, max: 10, peak: expect.closeTo(10, 4) });
  });

  it("counts a voxel of two regions once", () => {
    const one = uptakeIn(ball, middle, { kind: "suv", suv: 4 });
    const other = uptakeIn(ball, { ...middle, column: 23 }, { kind: "suv", suv: 4 });
    if (!one || !other) throw new Error("nothing found");
    const total = totalOf(ball, [one, other]);
    expect(total.volumeMl).toBeLessThan(one.volumeMl + other.volumeMl);
    expect(total.volumeMl).toBeCloseTo(new Set([...one.voxels, ...other.voxels]).size * 0.024, 9);
    expect(totalOf(ball, [one, one])).toEqual({ volumeMl: one.volumeMl, tlg: expect.closeTo(one.tlg, 4) });
  });

  it("is none outside of the images, and asks for no slice that is not there", () => {
    expect(uptakeIn(ball, { ...middle, column: 500 }, { kind: "suv", suv: 1 })).toBeNull();
    expect(slicesNeeded(ball, middle)).toEqual([3, 21]);
    expect(slicesNeeded(ball, { ...middle, slice: 1 })).toEqual([0, 10]);
  });
});
