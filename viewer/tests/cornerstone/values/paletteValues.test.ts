import { expect, test } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { withPaletteValues } from "@/cornerstone/values/paletteValues";

function base64(bytes: number[]): string {
  return btoa(String.fromCharCode(...bytes));
}

function header(entries: number, bytes: number[]): DicomJson {
  return {
    "00281101": { vr: "US", Value: [entries, 0, 16] },
    "00281201": { vr: "OW", InlineBinary: base64(bytes) },
  };
}

test("words of a palette are little-endian numbers", () => {
  expect(withPaletteValues(header(2, [0x01, 0x00, 0x34, 0x12]))["00281201"]?.Value).toEqual([1, 0x1234]);
});

test("a palette packed two entries to a word is read by bytes", () => {
  expect(withPaletteValues(header(4, [9, 8, 7, 255]))["00281201"]?.Value).toEqual([9, 8, 7, 255]);
});

test("a descriptor of no entries means 65,536", () => {
  const bytes = Array.from({ length: 65_536 }, (_, index) => index % 256);
  const dataset: DicomJson = {
    "00281101": { vr: "US", Value: [0, 0, 8] },
    "00281201": { vr: "OW", InlineBinary: btoa(bytes.map((byte) => String.fromCharCode(byte)).join("")) },
  };
  expect(withPaletteValues(dataset)["00281201"]?.Value).toHaveLength(65_536);
});

test("a header without a palette is left as it is", () => {
  const dataset: DicomJson = { "00280004": { vr: "CS", Value: ["RGB"] } };
  expect(withPaletteValues(dataset)).toBe(dataset);
});
