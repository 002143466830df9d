import { describe, expect, it } from "vitest";
import { partsOf } from "@/dicom/dicomweb";
import { doseAt, doseGridOf, doseHeaderOf, doseOnImage, type DoseGrid, type DoseHeader } from "@/dicom/dose/doseGrid";
import { doseOfShare, histogramOf, shareAtDose, type DoseHistogram } from "@/dicom/dose/histogram";
import { isodosePath, washPixels } from "@/dicom/dose/isodose";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";
import type { Vector } from "@/dicom/geometry";
import type { Roi } from "@/dicom/segmentation/structureSet";

const ds = (...Value: unknown[]): DicomElement => ({ vr: "DS", Value });

const plain: DicomJson = {
  "00080018": ds("1.2.3"),
  "00200052": ds("9.9"),
  "00200032": ds(-20, -30, -40),
  "00200037": ds(1, 0, 0, 0, 1, 0),
  "00280008": ds(5),
  "00280010": ds(4),
  "00280011": ds(3),
  "00280030": ds(2, 5),
  "00280100": ds(32),
  "00280103": ds(0),
  "30040002": ds("GY"),
  "30040004": ds("PHYSICAL"),
  "3004000C": ds(0, 3, 6, 9, 12),
  "3004000E": ds("0.001"),
};

function header(change: DicomJson = {}): DoseHeader {
  const found = doseHeaderOf({ ...plain, ...change });
  if (typeof found === "string") throw new Error(found);
  return found;
}

/** A grid whose dose is linear in the patient, so that interpolation must give it everywhere. */
function linear(of: DoseHeader, dose: (point: Vector) => number): DoseGrid {
  const frames = of.offsetsMm.map((offset) => {
    const stored = new Uint32Array(of.columns * of.rows);
    for (let row = 0; row < of.rows; row += 1) {
      for (let column = 0; column < of.columns; column += 1) {
        const point = [0, 1, 2].map(
          (axis) =>
            (of.origin[axis] ?? 0) +
            (of.along[axis] ?? 0) * column * of.columnSpacingMm +
            (of.down[axis] ?? 0) * row * of.rowSpacingMm +
            (of.normal[axis] ?? 0) * offset,
        ) as Vector;
        stored[row * of.columns + column] = Math.round(dose(point) / of.scaling);
      }
    }
    return stored.buffer;
  });
  return doseGridOf(of, frames);
}

const sloped = ([x, y, z]: Vector) => 50 + 0.4 * x - 0.3 * y + 0.25 * z;

describe("the header of an RT Dose", () => {
  it("says what forbids to draw it", () => {
    expect(doseHeaderOf({ ...plain, "00280010": undefined })).toBe("no_grid");
    expect(doseHeaderOf({ ...plain, "3004000E": undefined })).toBe("scaling");
    expect(doseHeaderOf({ ...plain, "3004000E": ds(0) })).toBe("scaling");
    expect(doseHeaderOf({ ...plain, "30040004": ds("ERROR") })).toBe("error");
    expect(doseHeaderOf({ ...plain, "30040002": ds("CGY") })).toBe("units");
    expect(doseHeaderOf({ ...plain, "00200037": ds(1, 0, 0, 1, 0, 0) })).toBe("geometry");
    expect(doseHeaderOf({ ...plain, "00280008": ds(100_000_000) })).toBe("too_large");
    expect(doseHeaderOf({ ...plain, "00280100": ds(8) })).toBe("pixels");
    for (const offsets of [ds(0, 3, 6), ds(1, 2, 3, 4, 5), ds(0, 3, 3, 6, 9)]) {
      expect(doseHeaderOf({ ...plain, "3004000C": offsets })).toBe("offsets");
    }
  });

  it("says which kind of dose it is, and gives no Gy to shares", () => {
    const kinds = [
      [{}, "physical", "Gy"],
      [{ "30040004": ds("EFFECTIVE") }, "effective", "Gy (RBE)"],
      [{ "30040002": ds("RELATIVE") }, "relative", ""],
      [{ "30040002": ds("RELATIVE"), "30040004": ds("EFFECTIVE") }, "relative", ""],
      [{ "30040004": undefined }, "unstated", "Gy"],
    ] as const;
    for (const [change, kind, unit] of kinds) expect(header(change)).toMatchObject({ kind, unit });
  });

  it("takes offsets as z where they begin with that of the position, against the normal too", () => {
    const z = ds(-40, -37, -34, -31, -28);
    expect(header({ "3004000C": z }).offsetsMm).toEqual([0, 3, 6, 9, 12]);
    expect(header({ "3004000C": z, "00200037": ds(1, 0, 0, 0, -1, 0) }).offsetsMm).toEqual([-0, -3, -6, -9, -12]);
    // Of planes that are not axial none of them is a z.
    expect(doseHeaderOf({ ...plain, "3004000C": z, "00200037": ds(1, 0, 0, 0, 0, -1) })).toBe("offsets");
  });
});

describe("the dose at a point", () => {
  const oblique = [0.8, 0.6, 0, -0.6, 0.8, 0];
  const tilted = [1, 0, 0, 0, Math.cos(0.4), Math.sin(0.4)];
  it.each([
    ["axial, with pixels that are not square", {}],
    ["turned in its plane", { "00200037": ds(...oblique) }],
    ["tilted", { "00200037": ds(...tilted) }],
    ["with planes of different distances, in no order", { "3004000C": ds(0, 12, 3, -5, 7) }],
    ["against the normal", { "3004000C": ds(0, -3, -6, -9, -12) }],
  ])("is that of the patient: %s", (_, change) => {
    const of = header(change);
    const grid = linear(of, sloped);
    const heights = of.offsetsMm.toSorted((a, b) => a - b);
    for (const [i, j, at] of [
      [0, 0, 0],
      [1.3, 2.7, 0.2],
      [2, 3, 1],
      [0.5, 0.1, 0.77],
    ] as const) {
      const height = (heights[0] ?? 0) + at * ((heights.at(-1) ?? 0) - (heights[0] ?? 0));
      const point = [0, 1, 2].map(
        (axis) =>
          (of.origin[axis] ?? 0) +
          (of.along[axis] ?? 0) * i * 5 +
          (of.down[axis] ?? 0) * j * 2 +
          (of.normal[axis] ?? 0) * height,
      ) as Vector;
      expect(doseAt(grid, point)).toBeCloseTo(sloped(point), 2);
    }
  });

  it("is none outside of the centres of the grid", () => {
    const grid = linear(header(), sloped);
    expect(doseAt(grid, [-20.1, -30, -40])).toBeNaN();
    expect(doseAt(grid, [-10, -24, -27.9])).toBeNaN();
    expect(doseAt(grid, [-10, -24, -28])).toBeCloseTo(sloped([-10, -24, -28]), 2);
  });

  it("is refused of a frame that is short", () => {
    expect(() => doseGridOf(header(), [new ArrayBuffer(48)])).toThrow(RangeError);
  });
});

describe("the dose over an image", () => {
  const grid = linear(header({ "00280010": ds(40), "00280011": ds(40) }), sloped);

  it("is interpolated where the image lies, at its pixels' middles", () => {
    const plane = doseOnImage(grid, { origin: [0, 0, -35], nextColumn: [1, 0, 0], nextRow: [0, 1.5, 0], columns: 100, rows: 30 });
    expect(plane?.stride).toBe(1);
    expect(plane?.values[7 * 100 + 20]).toBeCloseTo(sloped([20, 10.5, -35]), 2);
    expect(doseOnImage(grid, { origin: [0, 0, 60], nextColumn: [1, 0, 0], nextRow: [0, 1, 0], columns: 9, rows: 9 })).toBeNull();
  });

  it("has lines through the places of a dose", () => {
    // Two pixels a square: the middle of the first square lies between the first two pixels.
    const plane = doseOnImage(grid, { origin: [0, 0, -40], nextColumn: [0.25, 0, 0], nextRow: [0, 0, 4], columns: 512, rows: 3 });
    expect(plane?.stride).toBe(2);
    const found = plane ? isodosePath(plane, 45) : "";
    const [x, y] = /^M([\d.]+) ([\d.]+)/.exec(found)?.slice(1).map(Number) ?? [];
    // 50 + 0.4 x + 0.25 z is 45 at x = 12.5 mm for z = −40: column 50, whose centre is at 50.5.
    const row = ((y ?? 0) - 0.5) * 4 - 40;
    expect(x).toBeCloseTo((45 - 50 - 0.25 * row) / 0.4 / 0.25 + 0.5, 1);
  });

  it("is coloured by the highest level that it reaches", () => {
    const pixels = washPixels({ columns: 4, rows: 1, stride: 1, values: Float32Array.of(NaN, 10, 47.5, 54) }, 50);
    expect([...pixels.slice(0, 8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...pixels.slice(8, 16)]).toEqual([255, 144, 0, 255, 255, 0, 255, 255]);
  });
});

function roi(contours: Vector[][], frameOfReferenceUid = "9.9"): Roi {
  return {
    number: 1,
    name: "A",
    interpretedType: "",
    algorithm: "",
    color: [255, 0, 0],
    frameOfReferenceUid,
    contours: contours.map((points) => ({ points, isClosed: true })),
  };
}

function ring(radius: number, z: number, center: readonly [number, number] = [0, 0]): Vector[] {
  return Array.from({ length: 180 }, (_, index) => {
    const angle = (index / 90) * Math.PI;
    return [center[0] + radius * Math.cos(angle), center[1] + radius * Math.sin(angle), z];
  });
}

function made(of: ReturnType<typeof histogramOf>): DoseHistogram {
  if (typeof of === "string") throw new Error(of);
  return of;
}

describe("a dose–volume histogram", () => {
  const of = header({
    "00200032": ds(-40, -40, -40),
    "00280008": ds(33),
    "00280010": ds(41),
    "00280011": ds(17),
    "3004000C": ds(...Array.from({ length: 33 }, (_, index) => index * 2.5)),
  });
  const gradient = linear(of, ([x]) => 50 + x);
  const sphere = roi(Array.from({ length: 41 }, (_, index) => index - 20).map((z) => ring(Math.sqrt(Math.max(0.01, 400 - z * z)), z)));

  it("is that of a sphere in a gradient", () => {
    const found = made(histogramOf(sphere, gradient));
    expect(found.volumeMl / ((4 / 3) * Math.PI * 8)).toBeCloseTo(1, 2);
    expect([found.least, found.mean, found.most].map(Math.round)).toEqual([30, 50, 70]);
    // The cap of a sphere above x: π h² (3 r − h) / 3.
    const above = (x: number) => ((20 - x) ** 2 * (60 - (20 - x))) / 32000;
    for (const x of [-15, -8, 0, 6, 14]) expect(shareAtDose(found, 50 + x)).toBeCloseTo(above(x), 2);
    expect(doseOfShare(found, 0.5)).toBeCloseTo(50, 1);
    expect(above(doseOfShare(found, 0.02) - 50)).toBeCloseTo(0.02, 3);
    expect(above(doseOfShare(found, 0.95) - 50)).toBeCloseTo(0.95, 3);
    expect(found.outsideShare).toBe(0);
  });

  it("leaves holes out, and counts a structure in two parts as it is", () => {
    const tube = [-10, -7, -4, 11, 14, 17].flatMap((z) => [ring(12, z), ring(6, z)]);
    const found = made(histogramOf(roi(tube), gradient));
    // Six slabs of 3 mm, those beside the gap no thicker than the others.
    expect(found.volumeMl).toBeCloseTo((Math.PI * (144 - 36) * 18) / 1000, 1);
    expect([found.widestGapMm, found.isParted]).toEqual([15, true]);
  });

  it("fills what lies between contours that were left out or drawn farther apart, and says so", () => {
    const volumeOf = (heights: number[]) => made(histogramOf(roi(heights.map((z) => ring(12, z))), gradient));
    const area = Math.PI * 0.144;
    // Every 3 mm up to 0, every 6 mm above; each end reaches as far outwards as inwards.
    const uneven = volumeOf([-12, -9, -6, -3, 0, 6, 12, 18]);
    expect(uneven.volumeMl).toBeCloseTo(area * (30 + 1.5 + 3), 1);
    expect([uneven.widestGapMm, uneven.isParted]).toEqual([6, false]);
    const missing = volumeOf([-9, -6, -3, 3, 6, 9]);
    expect(missing.volumeMl).toBeCloseTo(area * 21, 1);
    expect(volumeOf([-3, 0, 3, 6]).widestGapMm).toBeNull();
  });

  it("says how much lies outside of the grid, and counts the rest", () => {
    const found = made(histogramOf(roi([-3, 0, 3].map((z) => [[30, 0, z], [50, 0, z], [50, 8, z], [30, 8, z]])), gradient));
    expect(found.outsideShare).toBeCloseTo(0.5, 2);
    expect([found.least, found.most]).toEqual([expect.closeTo(80, 0), expect.closeTo(90, 0)]);
  });

  it("is the same of contours in tilted planes", () => {
    const [cos, sin] = [Math.cos(0.5), Math.sin(0.5)];
    const tilted = sphere.contours.map(({ points }) => points.map(([x, y, z]): Vector => [x, y * cos - z * sin, y * sin + z * cos]));
    const found = made(histogramOf(roi(tilted), gradient));
    expect(found.volumeMl / ((4 / 3) * Math.PI * 8)).toBeCloseTo(1, 2);
    expect(shareAtDose(found, 56)).toBeCloseTo(0.284, 2);
  });

  it("says why there is none", () => {
    expect(histogramOf(roi([ring(5, 0)]), gradient)).toBe("one_plane");
    expect(histogramOf(roi([]), gradient)).toBe("no_contours");
    expect(histogramOf(roi(sphere.contours.map(({ points }) => points), "1.1"), gradient)).toBe("other_frame");
    expect(histogramOf(roi([-3, 0, 3].map((z) => ring(5, z, [200, 0]))), gradient)).toBe("outside");
    expect(histogramOf(roi([ring(5, 0), ring(5, 3).map(([x, y, z]): Vector => [x, y, z + x])]), gradient)).toBe("not_parallel");
  });
});

it("parts of an answer come in their order", () => {
  const body = ["--b\r\nContent-Type: a\r\n\r\none", "--b\r\n\r\ntw\r\no", "--b\r\n\r\n", "--b--\r\n"].join("\r\n");
  const parts = partsOf(new TextEncoder().encode(body), 'multipart/related; boundary="b"');
  expect(parts.map((part) => new TextDecoder().decode(part))).toEqual(["one", "tw\r\no", ""]);
  expect(() => partsOf(new TextEncoder().encode("--b\r\n\r\none"), "multipart/related; boundary=b")).toThrow();
});
