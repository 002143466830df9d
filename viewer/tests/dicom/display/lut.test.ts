import { describe, expect, it } from "vitest";
import { applyLut, modalityLutOf } from "@/dicom/display/lut";

const item = {
  "00283002": { vr: "SS", Value: [3, -1, 16] },
  "00283006": { vr: "US", Value: [10, 20, 40000] },
};

describe("a modality LUT", () => {
  it("maps from its first value on, and what lies outside to its ends", () => {
    const lut = modalityLutOf({ "00283000": { vr: "SQ", Value: [item] } });
    const pixels = Float32Array.from([-9, -1, 0, 1, 7]);
    if (lut) applyLut(pixels, lut);
    expect([...pixels]).toEqual([10, 10, 20, 40000, 40000]);
  });

  it("is read from words that stand inline", () => {
    const inline = { ...item, "00283006": { vr: "OW", InlineBinary: btoa("\x01\x00\xff\x01") } };
    expect(modalityLutOf({ "00283000": { vr: "SQ", Value: [inline] } })?.values).toEqual([1, 511]);
  });

  it("has entries of 8 bits, one a byte or one a word", () => {
    const described = { "00283002": { vr: "US", Value: [3, 0, 8] } };
    const packed = { ...described, "00283006": { vr: "OB", InlineBinary: btoa("\x01\x43\xff\x00") } };
    const words = { ...described, "00283006": { vr: "US", Value: [1, 67, 255] } };
    for (const one of [packed, words]) {
      expect(modalityLutOf({ "00283000": { vr: "SQ", Value: [one] } })?.values).toEqual([1, 67, 255]);
    }
  });

  it("of signed pixels begins at a negative value, however that is written", () => {
    const implicit = { ...item, "00283002": { vr: "US", Value: [3, 64536, 16] } };
    const signed = { "00280101": { vr: "US", Value: [16] }, "00280103": { vr: "US", Value: [1] } };
    const lut = modalityLutOf({ ...signed, "00283000": { vr: "SQ", Value: [implicit] } });
    expect(lut?.firstMapped).toBe(-1000);
    // Of unsigned pixels of 16 bits it is what it is.
    const unsigned = { "00280101": { vr: "US", Value: [16] }, "00280103": { vr: "US", Value: [0] } };
    expect(modalityLutOf({ ...unsigned, "00283000": { vr: "SQ", Value: [implicit] } })?.firstMapped).toBe(64536);
  });

  it("without entries has 65,536 of them", () => {
    const all = { "00283002": { vr: "US", Value: [0, 0, 16] }, "00283006": { vr: "US", Value: Array(65_536).fill(7) } };
    expect(modalityLutOf({ "00283000": { vr: "SQ", Value: [all] } })?.values).toHaveLength(65_536);
  });

  it("refuses what the pixels cannot hold, rather than show another value", () => {
    const lut = { firstMapped: 0, values: [0, 40000] };
    expect(() => applyLut(Int16Array.from([0, 1]), lut)).toThrow(RangeError);
    expect(modalityLutOf({})).toBeNull();
  });
});
