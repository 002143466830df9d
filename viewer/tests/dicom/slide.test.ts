import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { clampedTo, levelFor, magnification, slideOf, tilesIn, wholeSlide, zoomed } from "@/dicom/slide";

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value });

function level(uid: string, columns: number, rows: number, more: DicomJson = {}): DicomJson {
  const tiles = Math.ceil(columns / 256) * Math.ceil(rows / 256);
  return {
    "00080018": value("UI", uid),
    "00080008": value("CS", "ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
    "00480006": value("UL", columns),
    "00480007": value("UL", rows),
    "00280010": value("US", 256),
    "00280011": value("US", 256),
    "00280008": value("IS", tiles),
    "00209311": value("CS", "TILED_FULL"),
    "52009229": value("SQ", { "00289110": value("SQ", { "00280030": value("DS", 0.00025 * (4000 / columns), 0.00025 * (4000 / columns)) }) }),
    ...more,
  };
}

const overview = { ...level("1.9", 500, 250), "00080008": value("CS", "ORIGINAL", "PRIMARY", "OVERVIEW", "NONE") };
const label = { ...overview, "00080018": value("UI", "1.8"), "00080008": value("CS", "ORIGINAL", "PRIMARY", "LABEL", "NONE") };

describe("a whole slide", () => {
  it("is its volume images from the finest on; the label is no magnification", () => {
    const slide = slideOf([level("1.3", 250, 125), level("1.1", 4000, 2000), label, level("1.2", 1000, 500), overview]);
    expect(slide?.levels.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(["1.1", "1.2", "1.3"]);
    expect(slide).toMatchObject({ overviewUid: "1.9", leftOut: 1, hasMore: false });
    expect(slideOf([label, overview])).toBeNull();
  });

  it("numbers the tiles of a full matrix row by row, and has none beyond it", () => {
    const [finest] = slideOf([level("1.1", 4000, 2000)])?.levels ?? [];
    expect([finest?.frameOf(0, 0), finest?.frameOf(15, 0), finest?.frameOf(0, 1), finest?.frameOf(15, 7)]).toEqual([1, 16, 17, 128]);
    expect([finest?.frameOf(16, 0), finest?.frameOf(0, 8), finest?.frameOf(-1, 0)]).toEqual([undefined, undefined, undefined]);
    expect(slideOf([level("1.1", 4000, 2000, { "00280008": value("IS", 100) })])).toBeNull();
  });

  it("places the tiles of a sparse matrix by their positions, of several focal planes the first", () => {
    const at = (column: number, row: number): DicomJson => ({
      "0048021A": value("SQ", { "0048021E": value("SL", column), "0048021F": value("SL", row) }),
    });
    const sparse = (...frames: DicomJson[]) =>
      slideOf([level("1.1", 1000, 500, { "00209311": value("CS", "TILED_SPARSE"), "52009230": value("SQ", ...frames), "00480303": value("UL", 2) })]);
    const slide = sparse(at(257, 1), at(1, 257), at(257, 1));
    expect(slide?.hasMore).toBe(true);
    expect([slide?.levels[0]?.frameOf(1, 0), slide?.levels[0]?.frameOf(0, 1), slide?.levels[0]?.frameOf(0, 0)]).toEqual([1, 2, undefined]);
    expect(sparse(at(100, 1))).toBeNull();
    expect(sparse({})).toBeNull();
  });

  it("leaves out what is of another part of the slide", () => {
    const slide = slideOf([level("1.1", 4000, 2000), level("1.2", 1000, 900)]);
    expect(slide?.levels).toHaveLength(1);
    expect(slide?.leftOut).toBe(1);
  });
});

describe("a view of a slide", () => {
  const slide = slideOf([level("1.1", 4000, 2000), level("1.2", 1000, 500), level("1.3", 250, 125)]);
  const levels = slide?.levels ?? [];

  it("takes the level that is as fine as the screen, and no finer than needed", () => {
    expect([0.5, 1, 3.9, 4, 15, 16, 40].map((scale) => levelFor(levels, scale))).toEqual([0, 0, 1, 1, 1, 2, 2]);
  });

  it("has the tiles that are on the screen where they lie", () => {
    const tiles = tilesIn(levels, 1, { x: 2000, y: 1000, scale: 4 }, 400, 300);
    // 400 × 300 pixels about pixel 500, 250 of the second level: columns 300 to 700, rows 100 to 400.
    expect(tiles.map(({ column, row }) => `${column} ${row}`).sort()).toEqual(["1 0", "1 1", "2 0", "2 1"]);
    const [tile] = tiles.filter(({ column, row }) => column === 1 && row === 0);
    expect(tile).toMatchObject({ frameNumber: 2, x: 256 - 300, y: -100, width: 256, height: 256 });
  });

  it("is whole at first, keeps the place under the pointer while it is zoomed, and stays on the slide", () => {
    const [finest] = levels;
    if (!finest) throw new Error("no level");
    const whole = wholeSlide(finest, 800, 800);
    expect(whole).toEqual({ x: 2000, y: 1000, scale: 5 });
    const near = zoomed(whole, 2, [600, 500], [800, 800], finest);
    expect(near.scale).toBe(2.5);
    expect(near.x + 200 * near.scale).toBeCloseTo(whole.x + 200 * whole.scale, 6);
    expect(near.y + 100 * near.scale).toBeCloseTo(whole.y + 100 * whole.scale, 6);
    expect(zoomed(whole, 1000, [400, 400], [800, 800], finest).scale).toBe(0.125);
    expect(clampedTo(finest, { x: -50, y: 9000, scale: 1 })).toEqual({ x: 0, y: 2000, scale: 1 });
    expect(magnification(finest, 1)).toBeCloseTo(40, 6);
    expect(magnification(finest, 8)).toBeCloseTo(5, 6);
    expect(magnification({ ...finest, pixelMm: null }, 1)).toBeNull();
  });
});
