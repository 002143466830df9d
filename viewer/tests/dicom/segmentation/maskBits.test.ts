import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readMaskBits } from "@/dicom/segmentation/maskBits";

describe("a mask as the node sends it", () => {
  it("is drawn into the slice where its box lies, bit by bit from the lowest", async () => {
    // Two slices of two rows and three columns: 110 011 and 000 101.
    const bits = Buffer.from(gzipSync(Uint8Array.from([0b00110011, 0b00001010]))).toString("base64");
    const mask = await readMaskBits({ start: [4, 1, 2], shape: [2, 2, 3], bits });
    const columns = 6;
    const first = new Uint8Array(4 * columns);
    mask.drawSlice(0, first, columns, 1);
    expect([...first.subarray(columns, 3 * columns)]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0]);
    const second = new Uint8Array(4 * columns);
    mask.drawSlice(1, second, columns, 7);
    expect([...second.subarray(columns, 3 * columns)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 7, 0]);
    expect(first[0]).toBe(0);
  });
});
