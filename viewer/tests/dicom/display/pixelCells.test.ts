import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { paddingOf } from "@/dicom/display/padding";
import { embeddedPlanesOf } from "@/dicom/display/overlayPlanes";
import { areOverlaysReadable, bitsAt, cellOf, hasOverlayInPixels, isOfCells, overlaysInPixels, statedHeader, withCellValues, withOverlayBits, withoutOverlayBits } from "@/dicom/display/pixelCells";

/** 12 bits in the upper ones of 16, of a CT. */
function header(highBit = 15, more: DicomJson = {}): DicomJson {
  return {
    "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
    "00280100": { vr: "US", Value: [16] },
    "00280101": { vr: "US", Value: [12] },
    "00280102": { vr: "US", Value: [highBit] },
    "00280103": { vr: "US", Value: [0] },
    "00280120": { vr: "US", Value: [3] },
    "00281052": { vr: "DS", Value: [-1024] },
    "00281053": { vr: "DS", Value: [1] },
    ...more,
  };
}

/** What Cornerstone makes of cells: all of their bits, rescaled. */
function rescaled(cells: number[], by: DicomJson): Float32Array {
  const [slope] = by["00281053"]?.Value as number[];
  const [intercept] = by["00281052"]?.Value as number[];
  return Float32Array.from(cells, (cell) => cell * (slope ?? NaN) + (intercept ?? NaN));
}

describe("values in the upper bits of their cells", () => {
  it("are those of the image, not sixteen times as much", () => {
    const stored = [1079, 0, 4095];
    const changed = withCellValues(header());
    const values = rescaled(
      stored.map((value) => value << 4),
      changed,
    );
    expect([...values]).toEqual([55, -1024, 3071]);
    expect(changed["00280101"]?.Value).toEqual([16]);
    expect(paddingOf(changed)).toEqual(paddingOf(header()));
    const cell = cellOf(changed);
    expect(cell && isOfCells(values, cell)).toBe(true);
  });

  it("are refused where other bits are set below or above them", () => {
    for (const [highBit, cells] of [
      [15, [1079 * 16 + 1]],
      [13, [(1079 << 2) | 0x8000]],
      // A header that is wrong: the values begin at the lowest bit.
      [15, [1079, 1080, 1081]],
    ] as const) {
      const changed = withCellValues(header(highBit));
      const cell = cellOf(changed);
      expect(cell && isOfCells(rescaled([...cells], changed), cell)).toBe(false);
    }
  });

  it("are refused where the header contradicts itself, and without a rescaling that can be undone", () => {
    const low = withCellValues(header(7));
    const flat = withCellValues(header(15, { "00281053": { vr: "DS", Value: [0] } }));
    for (const changed of [low, flat]) {
      const cell = cellOf(changed);
      expect(cell && isOfCells(rescaled([16], changed), cell)).toBe(false);
    }
  });

  it("are rescaled too where the image states no rescaling", () => {
    const changed = withCellValues(header(15, { "00281052": undefined, "00281053": undefined }));
    expect([...rescaled([1079 << 4], changed)]).toEqual([1079]);
  });

  it("begin at the lowest bit in all other images, whose header stays as it is", () => {
    for (const dataset of [header(11), header(15, { "00280004": { vr: "CS", Value: ["RGB"] } }), {}]) {
      expect(withCellValues(dataset)).toBe(dataset);
      expect(cellOf(dataset)).toBeNull();
    }
  });
});

describe("an overlay in the upper bits of the pixels", () => {
  it("is taken off the values, which are those of the stored bits", () => {
    const ct = header(11, { "60000102": { vr: "US", Value: [12] } });
    expect(hasOverlayInPixels(ct)).toBe(true);
    const pixels = Float32Array.from([512, 512 | 0x1000, 4095 | 0x8000], (cell) => cell - 1024);
    expect(withoutOverlayBits(pixels, ct, true)).toEqual([-512, 3071]);
    expect([...pixels]).toEqual([-512, -512, 3071]);
    const signed = header(11, { "00280103": { vr: "US", Value: [1] }, "60000102": { vr: "US", Value: [15] } });
    // -5 in twelve bits, with and without the bit above.
    const cells = Int16Array.from([0x0ffb, 0x8ffb - 65536, 7]);
    withoutOverlayBits(cells, signed, false);
    expect([...cells]).toEqual([-5, -5, 7]);
  });

  it("is a plane of bits, of rescaled and of signed cells", () => {
    const ct = header(11, { "60000102": { vr: "US", Value: [12] }, "60020102": { vr: "US", Value: [15] } });
    expect(overlaysInPixels(ct)).toEqual([{ group: "6000", position: 12 }, { group: "6002", position: 15 }]);
    const pixels = Float32Array.from([512, 512 | 0x1000, 4095 | 0x8000, 0, 0, 0, 0, 0, 0x9000], (cell) => cell - 1024);
    expect([...bitsAt(12, pixels, ct, true)]).toEqual([0b10, 1]);
    expect([...bitsAt(15, pixels, ct, true)]).toEqual([0b100, 1]);
    const plane = { "00280010": { vr: "US", Value: [3] }, "00280011": { vr: "US", Value: [3] } };
    const bits = bitsAt(12, Int16Array.from([0x1ffb - 0x10000, 7]), ct, false);
    expect([...bits]).toEqual([1]);
    expect(embeddedPlanesOf({ ...ct, ...plane }, (group) => (group === "6000" ? bits : null))).toEqual([
      { group: "6000", rows: 3, columns: 3, left: 0, top: 0, frames: null, data: bits },
    ]);
    expect(areOverlaysReadable(ct)).toBe(true);
    expect(withOverlayBits(ct)).toBe(ct);
    const signed = header(11, { "00280103": { vr: "US", Value: [1] }, "60000102": { vr: "US", Value: [15] } });
    expect(withOverlayBits(signed)).toMatchObject({ "00280101": { Value: [16] }, "00280102": { Value: [15] } });
    expect(statedHeader(withOverlayBits(signed))).toBe(signed);
    expect(areOverlaysReadable(header(13, { "60000102": { vr: "US", Value: [15] } }))).toBe(false);
    expect(areOverlaysReadable(header(11, { "00280004": { vr: "CS", Value: ["RGB"] } }))).toBe(false);
  });

  it("is none where the planes stand beside the pixels, or the value fills the cell", () => {
    expect(hasOverlayInPixels(header(11, { "60000102": { vr: "US", Value: [0] } }))).toBe(false);
    expect(hasOverlayInPixels(header(11, { "60000102": { vr: "US", Value: [12] }, "60003000": { vr: "OW" } }))).toBe(false);
    expect(hasOverlayInPixels(header(11))).toBe(false);
  });
});
