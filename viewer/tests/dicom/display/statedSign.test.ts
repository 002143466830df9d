import { describe, expect, it } from "vitest";
import { asStated, isOfOtherSign } from "@/dicom/display/statedSign";

const header = (allocated: number, stored: number, signed: number) => ({
  "00280100": { vr: "US", Value: [allocated] },
  "00280101": { vr: "US", Value: [stored] },
  "00280103": { vr: "US", Value: [signed] },
});
const plain = { slope: 1, intercept: 0 };

/** As Cornerstone's loader leaves it: the sign is extended, in cells that have none. */
const extended = (values: number[], bits: 8 | 16) => [...(bits === 8 ? Uint8Array : Uint16Array).from(values)];

describe("values of a codestream without a sign", () => {
  for (const [allocated, stored] of [[16, 13], [16, 16], [8, 8], [16, 8]] as const) {
    it(`are those that a signed header of ${stored} bits in ${allocated} means`, () => {
      const most = 2 ** (stored - 1);
      const meant = [-most, -1, 0, 1, 42, most - 1];
      for (const bits of stored <= 8 ? ([8, 16] as const) : ([16] as const)) {
        const read = extended(meant, bits);
        const stated = header(allocated, stored, 1);
        expect(isOfOtherSign(Math.min(...read), Math.max(...read), stated, plain)).toBe(true);
        const { values, least, largest } = asStated(read, stated, plain);
        expect([...values]).toEqual(meant);
        expect([least, largest]).toEqual([-most, most - 1]);
      }
    });
  }

  it("are mended after they were rescaled, whatever the slope", () => {
    for (const rescaling of [{ slope: 0.5, intercept: -1024 }, { slope: -2, intercept: 3 }]) {
      const meant = [-2000, 0, 1896];
      const rescaled = extended(meant, 16).map((one) => one * rescaling.slope + rescaling.intercept);
      const stated = header(16, 13, 1);
      expect(isOfOtherSign(Math.min(...rescaled), Math.max(...rescaled), stated, rescaling)).toBe(true);
      expect([...asStated(rescaled, stated, rescaling).values]).toEqual(
        meant.map((one) => one * rescaling.slope + rescaling.intercept),
      );
    }
  });
});

it("a sign that the header does not state is a bit of the value", () => {
  const stated = header(16, 12, 0);
  expect(isOfOtherSign(-1, 2047, stated, plain)).toBe(true);
  expect([...asStated([-2048, -1, 0, 2047], stated, plain).values]).toEqual([2048, 4095, 0, 2047]);
});

it("what was read as it is stated stays", () => {
  expect(isOfOtherSign(-2048, 2047, header(16, 12, 1), plain)).toBe(false);
  expect(isOfOtherSign(-32_768, 32_767, header(16, 16, 1), plain)).toBe(false);
  expect(isOfOtherSign(0, 65_535, header(16, 16, 0), plain)).toBe(false);
  expect(isOfOtherSign(-1024, 3071, header(16, 12, 0), { slope: 1, intercept: -1024 })).toBe(false);
  expect(isOfOtherSign(0, 2 ** 31, header(32, 32, 1), plain)).toBe(false);
});
