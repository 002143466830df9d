import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import type { Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";
import { segGridOf, segPixels, type SegGrid } from "@/dicom/segmentation/segGrid";
import { segmentOnImage, type PixelPlane } from "@/dicom/segmentation/segResample";

interface Volume {
  size: Vector;
  spacing: Vector;
  origin: Vector;
  /** Rows of the matrix whose columns are the directions of columns, rows and planes. */
  direction: [Vector, Vector, Vector];
}

/** Worked out by SimpleITK (golden/segResample.py). */
const golden = JSON.parse(
  readFileSync(fileURLToPath(new URL("../golden/segResample.json", import.meta.url)), "utf-8"),
) as { seg: Volume & { binary: number[][]; fractions: number[][] }; image: Volume; nearest: number[][]; mostly: number[][] };

const axis = ({ direction }: Volume, at: 0 | 1 | 2): Vector => direction.map((row) => row[at]) as Vector;
const moved = (from: Vector, along: Vector, mm: number): Vector => from.map((one, at) => one + mm * (along[at] ?? 0)) as Vector;
const times = (vector: Vector, by: number): Vector => vector.map((one) => one * by) as Vector;
const value = (...Value: unknown[]) => ({ vr: "DS", Value });
const item = (dataset: DicomJson) => ({ vr: "SQ", Value: [dataset] });

/** The header of a SEG over planes of the golden volume; `leftOut` are not stored. */
function header(type: string, bits: number, leftOut: readonly number[] = []): DicomJson {
  const { seg } = golden;
  const planes = Array.from({ length: seg.size[2] }, (_, k) => k).filter((k) => !leftOut.includes(k));
  return {
    "00280008": value(planes.length),
    "00280010": value(seg.size[1]),
    "00280011": value(seg.size[0]),
    "00280100": value(bits),
    "00200052": value("1.2.3"),
    "00620001": value(type),
    "0062000E": value(200),
    "00620002": item({ "00620004": value(3) }),
    "52009229": item({
      "00209116": item({ "00200037": value(...axis(seg, 0), ...axis(seg, 1)) }),
      "00289110": item({ "00280030": value(seg.spacing[1], seg.spacing[0]), "00180088": value(seg.spacing[2]) }),
    }),
    "52009230": {
      vr: "SQ",
      Value: planes.map((k) => ({
        "00209113": item({ "00200032": value(...moved(seg.origin, axis(seg, 2), k * seg.spacing[2])) }),
        "0062000A": item({ "0062000B": value(3) }),
      })),
    },
  };
}

function grid(type: string, bits: number, leftOut: readonly number[] = []): SegGrid {
  const found = segGridOf(header(type, bits, leftOut));
  if (typeof found === "string") throw new Error(found);
  return found;
}

function planesOf({ planes }: SegGrid, pixels: readonly number[][]): PixelPlane[] {
  return planes.map(({ origin, heightMm }, index) => ({ origin, heightMm, pixels: pixels[index] ?? [] }));
}

const images: ImagePlane[] = Array.from({ length: golden.image.size[2] }, (_, k) => ({
  origin: moved(golden.image.origin, axis(golden.image, 2), k * golden.image.spacing[2]),
  nextColumn: times(axis(golden.image, 0), golden.image.spacing[0]),
  nextRow: times(axis(golden.image, 1), golden.image.spacing[1]),
  columns: golden.image.size[0],
  rows: golden.image.size[1],
}));

describe("a segmentation on images of another grid", () => {
  const drawn = (of: SegGrid, planes: PixelPlane[]) =>
    images.map((image) => [...(segmentOnImage(of, { planes, most: of.mostFractional }, image) ?? new Uint8Array(image.columns * image.rows))]);

  it("is the nearest pixel of a binary one, as SimpleITK finds it", () => {
    const of = grid("BINARY", 1);
    expect(drawn(of, planesOf(of, golden.seg.binary))).toEqual(golden.nearest);
    expect(golden.nearest.flat().filter(Boolean).length).toBeGreaterThan(250);
  });

  it("is what is above half of a fractional one, as SimpleITK interpolates it", () => {
    const of = grid("FRACTIONAL", 8);
    expect(drawn(of, planesOf(of, golden.seg.fractions))).toEqual(golden.mostly);
    expect(golden.mostly.flat().filter(Boolean).length).toBeGreaterThan(200);
  });

  it("is empty where a plane was left out, and nowhere else", () => {
    const whole = grid("BINARY", 1);
    const emptied = planesOf(whole, golden.seg.binary.map((pixels, k) => (k === 2 ? pixels.map(() => 0) : pixels)));
    const sparse = grid("BINARY", 1, [2]);
    const kept = golden.seg.binary.filter((_, k) => k !== 2);
    expect(drawn(sparse, planesOf(sparse, kept))).toEqual(drawn(whole, emptied));
  });

  it("is nothing on an image that is far from it", () => {
    const of = grid("BINARY", 1);
    const [image] = images;
    const far = { ...(image as ImagePlane), origin: [500, 0, 0] as Vector };
    expect(segmentOnImage(of, { planes: planesOf(of, golden.seg.binary), most: 1 }, far)).toBeNull();
  });
});

describe("the planes of a segmentation", () => {
  it("are refused where they cannot be placed", () => {
    const made = header("BINARY", 1);
    expect(segGridOf({ ...made, "52009229": undefined } as unknown as DicomJson)).toBe("geometry");
    expect(segGridOf({ ...made, "00280100": value(8) })).toBe("pixels");
    expect(segGridOf({ ...made, "00280008": value(100_000_000) })).toBe("too_large");
    const [first, ...others] = made["52009230"]?.Value as DicomJson[];
    const turned = { ...first, "00209116": item({ "00200037": value(0, 0, 1, 1, 0, 0) }) };
    expect(segGridOf({ ...made, "52009230": { vr: "SQ", Value: [...others, turned] } })).toBe("directions");
  });

  it("hold a bit for each pixel from the lowest of a byte, or a byte", () => {
    const of = { ...grid("BINARY", 1), columns: 3, rows: 3 };
    expect([...segPixels(of, new Uint8Array([0b10100101, 1]).buffer)]).toEqual([1, 0, 1, 0, 0, 1, 0, 1, 1]);
    expect(() => segPixels(of, new ArrayBuffer(1))).toThrow(RangeError);
    const bytes = { ...grid("FRACTIONAL", 8), columns: 2, rows: 1 };
    expect([...segPixels(bytes, new Uint8Array([7, 200, 0]).buffer)]).toEqual([7, 200]);
  });
});
