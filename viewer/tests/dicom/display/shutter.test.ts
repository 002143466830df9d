import { describe, expect, it } from "vitest";
import { frameHeaders } from "@/dicom/frameHeader";
import { openValues, shuttersOf } from "@/dicom/display/shutter";
import { presentationOf, shuttersInForce } from "@/dicom/display/presentation";
import { windowOfValues } from "@/dicom/windowing";
import type { DicomElement, DicomJson } from "@/dicom/dicomweb";

const element = (vr: string, ...Value: unknown[]): DicomElement => ({ vr, Value });

const rectangle: DicomJson = {
  "00181600": element("CS", "RECTANGULAR"),
  "00181602": element("IS", 2),
  "00181604": element("IS", 9),
  "00181606": element("IS", 2),
  "00181608": element("IS", 7),
};
const circle: DicomJson = {
  "00181600": element("CS", "CIRCULAR"),
  "00181610": element("IS", 4, 5),
  "00181612": element("IS", 2),
  "00181622": element("US", 65535),
};
const triangle: DicomJson = { "00181600": element("CS", "POLYGONAL"), "00181620": element("IS", 1, 1, 1, 10, 8, 1) };

/** Ten columns, eight rows: 100 within 2..8 × 2..6, and what is outside as bright as it gets. */
function film(inside: (x: number, y: number) => boolean): number[] {
  return Array.from({ length: 80 }, (_, index) => (inside(index % 10, Math.floor(index / 10)) ? index : 4095));
}

describe("the shutter of an image", () => {
  it("hides what lies outside, as the image states it of itself or of a frame", () => {
    expect(shuttersInForce(rectangle, null)).toEqual([{ path: "M2 2H8V6H2Z", grey: 0 }]);
    const own = { "52009229": element("SQ", { "00189472": element("SQ", rectangle) }) };
    const enhanced: DicomJson = { "00280008": element("IS", 2), ...own, "52009230": element("SQ", {}, { "00189472": element("SQ", circle) }) };
    const [first = {}, second = {}] = frameHeaders(enhanced);
    expect(shuttersOf(first)[0]?.path).toBe("M2 2H8V6H2Z");
    expect(shuttersOf(second)).toMatchObject([{ grey: 1 }]);
  });

  it("gives way to that of a presentation state, and stays beneath one that has none", () => {
    expect(shuttersInForce(rectangle, presentationOf(circle))).toMatchObject([{ grey: 1 }]);
    expect(shuttersInForce(rectangle, presentationOf({}))).toMatchObject([{ grey: 0 }]);
    expect(shuttersInForce({}, null)).toEqual([]);
  });

  it("keeps what it hides out of the window that the image is opened with", () => {
    const values = film((x, y) => x >= 2 && x < 8 && y >= 2 && y < 6);
    expect(windowOfValues(openValues(values, 10, rectangle)).upper).toBeLessThan(100);
    expect(windowOfValues(openValues(values, 10, {})).upper).toBeGreaterThan(4000);
    const round = film((x, y) => Math.hypot(x - 4, y - 3) <= 2);
    expect(Math.max(...Array.from(openValues(round, 10, circle)))).toBeLessThan(80);
    const corner = film((x, y) => 7 * x + 9 * y <= 63);
    expect(Math.max(...Array.from(openValues(corner, 10, triangle)))).toBeLessThan(80);
    // Numbers that cannot be read hide nothing; a shutter over all of an image is none.
    expect(openValues(values, 10, { "00181600": element("CS", "CIRCULAR") })).toBe(values);
    expect(openValues(values, 10, { ...circle, "00181610": element("IS", 900, 900) })).toBe(values);
  });
});
