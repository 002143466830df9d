import { describe, expect, it } from "vitest";
import { projectionOf, seenAt, shadesOf, voxelLps, type ProjectedVolume } from "@/dicom/pet/projection";
import type { Vector } from "@/dicom/geometry";

const [columns, rows, count] = [7, 5, 4];

/** 4 mm pixels, slices 3 mm apart from the feet upwards; `hot` are voxels by column, row and slice. */
function volume(hot: readonly (readonly [column: number, row: number, slice: number, value: number])[]): ProjectedVolume {
  const slices = Array.from({ length: count }, () => new Float32Array(columns * rows).fill(1));
  for (const [column, row, slice, value] of hot) {
    const plane = slices[slice];
    if (plane) plane[row * columns + column] = value;
  }
  return { columns, rows, slices, origin: [-12, -8, 100], nextColumn: [4, 0, 0], nextRow: [0, 4, 0], nextSlice: [0, 0, 3] };
}

function brightest({ values, width }: ReturnType<typeof projectionOf>): [number, number, number] {
  const most = Math.max(...values);
  const at = values.indexOf(most);
  return [at % width, Math.floor(at / width), most];
}

describe("a maximum projection", () => {
  it("shows the patient's left on the right from the front, the head above", () => {
    const found = projectionOf(volume([[6, 1, 3, 50]]), 0);
    const [x, y, value] = brightest(found);
    expect([y, value]).toEqual([0, 50]);
    const [atX, atY] = seenAt(found, 0, [12, -4, 109]);
    expect([Math.floor(atX), Math.floor(atY)]).toEqual([x, y]);
    expect(x).toBeGreaterThan(found.width / 2);
  });

  it("shows from the patient's left the front on the left, and from behind the left on the left", () => {
    const front = volume([[3, 0, 1, 50]]);
    expect(brightest(projectionOf(front, 90))[0]).toBeLessThan(projectionOf(front, 90).width / 2);
    const left = projectionOf(volume([[6, 2, 1, 50]]), 180);
    expect(brightest(left)[0]).toBeLessThan(left.width / 2);
  });

  it("takes the greatest along the line of sight, and knows which voxel it is", () => {
    const hot = volume([[2, 1, 2, 20], [2, 3, 2, 30], [2, 4, 2, 25]]);
    const found = projectionOf(hot, 0);
    const [x, y, value] = brightest(found);
    expect(value).toBe(30);
    const voxel = found.voxels[y * found.width + x] ?? -1;
    expect(voxelLps(hot, voxel)).toEqual([-4, 4, 106]);
  });

  it("finds a point of the patient where its voxel is, from every angle, and leaves no pixel of the body empty", () => {
    const hot = volume([[5, 1, 0, 50]]);
    const point: Vector = [8, -4, 100];
    for (let degrees = 0; degrees < 360; degrees += 15) {
      const found = projectionOf(hot, degrees);
      const [x, y] = brightest(found);
      const [atX, atY] = seenAt(found, degrees, point);
      expect(Math.abs(atX - 0.5 - x)).toBeLessThanOrEqual(0.5 + 1e-6);
      expect(Math.abs(atY - 0.5 - y)).toBeLessThanOrEqual(0.5 + 1e-6);
      const middle = Math.floor(found.height / 2) * found.width;
      const row = [...found.values.slice(middle, middle + found.width)];
      const seen = row.flatMap((value, at) => (value > -Infinity ? [at] : []));
      expect(seen.at(-1)).toBe((seen[0] ?? NaN) + seen.length - 1);
      expect(found.width).toBe(projectionOf(hot, 0).width);
    }
  });

  it("is dark where much is, inverted, and as bright as nothing beside the volume", () => {
    const found = projectionOf(volume([[6, 1, 3, 50]]), 0);
    const shades = shadesOf(found, { lower: 0, upper: 10, inverted: true });
    const [x, y] = brightest(found);
    expect(shades[(y * found.width + x) * 4]).toBe(0);
    expect(shades[0]).toBe(255);
  });
});
