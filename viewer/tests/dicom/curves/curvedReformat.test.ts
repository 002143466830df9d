import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { pathThrough, stationAt, type CurvePath } from "@/dicom/curves/path";
import { crossSection, placeBeside, straightened, type CurvedProjection, type Sampled } from "@/dicom/curves/reformat";
import { cross, dot, type Vector } from "@/dicom/geometry";
import type { ProjectedVolume } from "@/dicom/pet/projection";

interface Golden {
  volume: { size: Vector; spacing: Vector; origin: Vector; direction: [Vector, Vector, Vector]; voxels: number[] };
  points: Vector[];
  towards: Vector;
  stepMm: number;
  pixelMm: number;
  widthMm: number;
  degrees: number;
  slabMm: number;
  lengthMm: number;
  pointsMm: number[];
  places: Vector[];
  tangents: Vector[];
  normals: Vector[];
  pictures: Record<CurvedProjection, (number | null)[]>;
  section: { station: number; values: (number | null)[] };
}

/** Found by SciPy and SimpleITK; see the script beside it. */
const golden = JSON.parse(readFileSync(fileURLToPath(new URL("../golden/curvedReformat.json", import.meta.url)), "utf-8")) as Golden;

function volumeOf({ size: [columns, rows, count], spacing, origin, direction, voxels }: Golden["volume"]): ProjectedVolume {
  const step = (axis: number) => direction.map((row) => (row[axis] ?? 0) * (spacing[axis] ?? 0)) as Vector;
  const slices = Array.from({ length: count }, (_, slice) => Int16Array.from(voxels.slice(slice * columns * rows, (slice + 1) * columns * rows)));
  return { columns, rows, slices, origin, nextColumn: step(0), nextRow: step(1), nextSlice: step(2) };
}

function madePath(points: readonly Vector[], stepMm: number, towards: Vector): CurvePath {
  const path = pathThrough(points, stepMm, towards);
  if (!path) throw new Error("No path.");
  return path;
}

const apart = (a: Vector, b: Vector) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** The greatest difference; infinite where one has a value and the other has none. */
function difference({ values }: Sampled, wanted: readonly (number | null)[]): number {
  expect(values.length).toBe(wanted.length);
  return wanted.reduce<number>((most, one, at) => {
    const value = values[at] ?? NaN;
    if (one === null || Number.isNaN(value)) return (one === null) === Number.isNaN(value) ? most : Infinity;
    return Math.max(most, Math.abs(one - value));
  }, 0);
}

describe("a curve through an oblique volume of unlike spacings", () => {
  const { points, stepMm, towards, degrees, widthMm, pixelMm, slabMm } = golden;
  const path = madePath(points, stepMm, towards);
  const volume = volumeOf(golden.volume);

  it("is as long as the integral along SciPy's spline, and passes its points there", () => {
    expect(Math.abs(path.lengthMm - golden.lengthMm)).toBeLessThan(1e-3);
    for (const [at, mm] of golden.pointsMm.entries()) {
      expect(Math.abs((path.pointsMm[at] ?? NaN) - mm)).toBeLessThan(1e-3);
      expect(apart(stationAt(path, mm)?.point ?? [0, 0, 0], points[at] ?? [9, 9, 9])).toBeLessThan(1e-3);
    }
  });

  it("has stations at equal lengths, with the frames that turn least", () => {
    expect(path.stations.length).toBe(golden.places.length);
    for (const [at, { point, tangent, normal }] of path.stations.entries()) {
      expect(apart(point, golden.places[at] ?? [0, 0, 0])).toBeLessThan(1e-3);
      expect(apart(tangent, golden.tangents[at] ?? [0, 0, 0])).toBeLessThan(1e-3);
      expect(apart(normal, golden.normals[at] ?? [0, 0, 0])).toBeLessThan(2e-3);
      expect(Math.abs(dot(tangent, normal))).toBeLessThan(1e-9);
    }
  });

  it.each(["slice", "max", "min", "mean"] as const)("shows as %s what SimpleITK finds at the same places", (projection) => {
    const found = straightened(volume, path, { degrees, widthMm, pixelMm, slab: { projection, thicknessMm: slabMm } });
    expect([found.acrossMm, found.height]).toEqual([pixelMm, golden.places.length]);
    // The voxels are noise between -1000 and 1500: a place that is off by 0.01 mm makes a difference of up to 20.
    expect(difference(found, golden.pictures[projection])).toBeLessThan(3);
  });

  it("is cut across as SimpleITK cuts it", () => {
    const { station, values } = golden.section;
    const at = path.stations[station];
    if (!at) throw new Error("No station.");
    expect(difference(crossSection(volume, at, degrees, widthMm, pixelMm), values)).toBeLessThan(3);
  });
});

describe("a tube along a helix", () => {
  const [radius, risePerTurn, turns] = [20, 30, 1.5];
  const pitch = risePerTurn / (2 * Math.PI);
  const at = (angle: number): Vector => [radius * Math.cos(angle), radius * Math.sin(angle), pitch * angle];
  const points = Array.from({ length: 25 }, (_, n) => at((n / 24) * turns * 2 * Math.PI));
  const path = madePath(points, 0.5, [0, 0, 1]);

  it("is as long as geometry says", () => {
    expect(Math.abs(path.lengthMm / (Math.hypot(radius, pitch) * turns * 2 * Math.PI) - 1)).toBeLessThan(5e-4);
  });

  it("has frames that turn against the Frenet frame by its torsion, and not otherwise", () => {
    const square = radius * radius + pitch * pitch;
    const angles = path.stations.map(({ alongMm, tangent, normal }) => {
      const angle = alongMm / Math.sqrt(square);
      const inwards: Vector = [-Math.cos(angle), -Math.sin(angle), 0];
      return Math.atan2(dot(normal, cross(tangent, inwards)), dot(normal, inwards));
    });
    // Away from the ends, where a natural spline is straight and the helix is not.
    const [from, to] = [Math.floor(angles.length * 0.2), Math.floor(angles.length * 0.8)];
    const alongMm = (path.stations[to]?.alongMm ?? 0) - (path.stations[from]?.alongMm ?? 0);
    const turned = (angles[to] ?? 0) - (angles[from] ?? 0);
    const whole = turned - 2 * Math.PI * Math.round((turned + (pitch / square) * alongMm) / (2 * Math.PI));
    expect(Math.abs(whole + (pitch / square) * alongMm)).toBeLessThan(0.01);
  });

  it("is straight and equally thick in the picture, at every angle", () => {
    const [tubeMm, spacing, size] = [4, 1, 64];
    const slices = Array.from({ length: size }, () => new Float32Array(size * size).fill(99));
    const helix = Array.from({ length: 1200 }, (_, n) => at((n / 1199) * turns * 2 * Math.PI));
    const near = Array.from({ length: 11 }, (_, n) => n - 5);
    for (const one of helix) {
      const [i, j, k] = [Math.round(one[0] + 31.5), Math.round(one[1] + 31.5), Math.round(one[2] + 8)];
      for (const dk of near) for (const dj of near) for (const di of near) {
        const [slice, voxel] = [slices[k + dk], (j + dj) * size + i + di];
        const distance = apart(one, [i + di - 31.5, j + dj - 31.5, k + dk - 8]);
        if (slice) slice[voxel] = Math.min(slice[voxel] ?? 0, distance);
      }
    }
    const volume = { columns: size, rows: size, slices, origin: [-31.5, -31.5, -8] as Vector, nextColumn: [spacing, 0, 0] as Vector, nextRow: [0, spacing, 0] as Vector, nextSlice: [0, 0, spacing] as Vector };
    for (const degrees of [0, 70, 200]) {
      const { values, width, height } = straightened(volume, path, { degrees, widthMm: 12, pixelMm: 0.5, slab: { projection: "slice", thicknessMm: 0 } });
      for (let row = Math.floor(height * 0.1); row < height * 0.9; row += 7) {
        const inside = [...values.subarray(row * width, (row + 1) * width)].map((value) => value <= tubeMm / 2);
        const [first, last] = [inside.indexOf(true), inside.lastIndexOf(true)];
        expect(Math.abs((first + last) / 2 - (width - 1) / 2) * 0.5).toBeLessThanOrEqual(0.5);
        expect(Math.abs((last - first) * 0.5 - tubeMm)).toBeLessThanOrEqual(1);
      }
    }
  });
});

it("finds the place of the patient that a straightened picture shows", () => {
  const path = madePath([[0, 0, 0], [0, 0, -40]], 1, [1, 0, 0]);
  expect(placeBeside(path, 10, 5, 0)).toEqual([expect.closeTo(5, 9), expect.closeTo(0, 9), expect.closeTo(-10, 9)]);
  const turned = placeBeside(path, 10, 5, 90) ?? [0, 0, 0];
  // Down to the feet, counterclockwise against the tangent is from the left to the front.
  expect(turned).toEqual([expect.closeTo(0, 9), expect.closeTo(-5, 9), expect.closeTo(-10, 9)]);
});

it("makes no curve of one place, and a curve of a place that was clicked on twice", () => {
  expect(pathThrough([[1, 2, 3]], 1, [1, 0, 0])).toBeNull();
  expect(pathThrough([[1, 2, 3], [1, 2, 3]], 1, [1, 0, 0])).toBeNull();
  const path = madePath([[0, 0, 0], [0, 0, 0], [0, 0, 9]], 1, [1, 0, 0]);
  expect([path.lengthMm, path.pointsMm]).toEqual([9, [0, 0, 9]]);
});

describe("a volume with padding", () => {
  // 100 everywhere, but for padding from column 12 on in the slices behind the curve's.
  const [columns, rows, count, padding] = [24, 24, 9, -2000];
  const slices = Array.from({ length: count }, (_, slice) =>
    Int16Array.from({ length: columns * rows }, (_, at) => (slice > 4 && at % columns >= 12 ? padding : 100)),
  );
  const volume: ProjectedVolume = {
    columns, rows, slices, origin: [0, 0, 0], nextColumn: [1, 0, 0], nextRow: [0, 1, 0], nextSlice: [0, 0, 1],
    paddings: [{ lower: -Infinity, upper: -1500 }],
  };
  // Along the rows of the middle slice: across it lies the slices' direction.
  const path = madePath([[12, 4, 4], [12, 12, 4], [12, 20, 4]], 1, [0, 0, 1]);
  const looks = { widthMm: 6, pixelMm: 0.5 };

  it.each(["max", "min", "mean"] as const)("shows what was measured alone in a slab: %s", (projection) => {
    for (const degrees of [0, 90]) {
      const { values } = straightened(volume, path, { ...looks, degrees, slab: { projection, thicknessMm: 6 } });
      const seen = [...values].filter((value) => !Number.isNaN(value));
      expect(seen.length).toBeGreaterThan(values.length / 3);
      for (const value of seen) expect(value).toBeCloseTo(100, 4);
    }
  });

  it("shows nothing where most of a place is padding, and a value of the rest beside it", () => {
    const at = path.stations[8];
    if (!at) throw new Error("No station.");
    const { values } = crossSection(volume, at, 0, looks.widthMm, looks.pixelMm);
    const missing = [...values].filter(Number.isNaN).length;
    expect(missing).toBeGreaterThan(values.length / 8);
    expect(missing).toBeLessThan(values.length / 2);
    expect([...values].every((value) => Number.isNaN(value) || Math.abs(value - 100) < 1e-3)).toBe(true);
  });
});
