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

  it("refuses what the pixels cannot hold, rather than show another value", () => {
    const lut = { firstMapped: 0, values: [0, 40000] };
    expect(() => applyLut(Int16Array.from([0, 1]), lut)).toThrow(RangeError);
    expect(modalityLutOf({})).toBeNull();
  });
});
