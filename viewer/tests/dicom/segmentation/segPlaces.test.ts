import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { orderSlices } from "@/dicom/sliceOrder";
import { hasNoPlaces, segPlacesOf } from "@/dicom/segmentation/segPlaces";

const us = (...Value: number[]) => ({ vr: "US", Value });
const uid = (value: string) => ({ vr: "UI", Value: [value] });
const sq = (...Value: DicomJson[]) => ({ vr: "SQ", Value });

/** Two films of a series, the second of two frames; none says where it lies. */
const slices = orderSlices([
  { "00080018": uid("1.1"), "00200013": { vr: "IS", Value: [1] }, "00280010": us(30), "00280011": us(20) },
  {
    "00080018": uid("1.2"),
    "00200013": { vr: "IS", Value: [2] },
    "00280008": { vr: "IS", Value: [2] },
    "00280010": us(30),
    "00280011": us(20),
  },
]).slices;

const source = (instance: string, ...frames: number[]): DicomJson => ({
  "00089124": sq({
    "00082112": sq({ "00081155": uid(instance), ...(frames.length > 0 ? { "00081160": { vr: "IS", Value: frames } } : {}) }),
  }),
});
const segment = (number: number): DicomJson => ({ "0062000A": sq({ "0062000B": us(number) }) });

function seg(perFrame: DicomJson[], changes: DicomJson = {}): DicomJson {
  return {
    "00280008": { vr: "IS", Value: [perFrame.length] },
    "00280010": us(30),
    "00280011": us(20),
    "00280100": us(1),
    "00620001": { vr: "CS", Value: ["BINARY"] },
    "00620002": sq({ "00620004": us(1) }, { "00620004": us(2) }),
    "52009230": { vr: "SQ", Value: perFrame },
    ...changes,
  };
}

describe("a segmentation of images without a place in the patient", () => {
  it("lies on the image, and of an image on the frame, that each of its frames names", () => {
    const dataset = seg([
      { ...segment(1), ...source("1.1") },
      { ...segment(2), ...source("1.2", 2) },
      { ...segment(2), ...source("1.2") },
    ]);
    expect(hasNoPlaces(dataset, slices)).toBe(true);
    expect(segPlacesOf(dataset, slices)).toMatchObject({
      type: "BINARY",
      segmentNumbers: [1, 2],
      frames: [
        { frameNumber: 1, segmentNumber: 1, imageIndexes: [0] },
        { frameNumber: 2, segmentNumber: 2, imageIndexes: [2] },
        { frameNumber: 3, segmentNumber: 2, imageIndexes: [1, 2] },
      ],
    });
  });

  it("lies on the only image that it refers to where its frames name none", () => {
    const referred = { "00081115": sq({ "0008114A": sq({ "00081155": uid("1.1") }) }) };
    expect(segPlacesOf(seg([segment(1)], referred), slices)).toMatchObject({ frames: [{ imageIndexes: [0] }] });
    expect(segPlacesOf(seg([segment(1)]), slices)).toBe("geometry");
  });

  it("is refused over an image of another matrix, another image or another form", () => {
    const one = [{ ...segment(1), ...source("1.1") }];
    expect(segPlacesOf(seg(one, { "00280010": us(31) }), slices)).toBe("geometry");
    expect(segPlacesOf(seg([{ ...segment(1), ...source("1.9") }]), slices)).toBe("geometry");
    expect(segPlacesOf(seg(one, { "00280100": us(8) }), slices)).toBe("pixels");
    expect(segPlacesOf(seg(one, { "00280008": { vr: "IS", Value: [2_000_000] } }), slices)).toBe("too_large");
  });

  it("is none where the images or its planes say where they lie", () => {
    const placed = orderSlices([
      { "00080018": uid("1"), "00280010": us(30), "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } },
    ]).slices;
    expect(hasNoPlaces(seg([segment(1)]), placed)).toBe(false);
    const own = { "52009229": sq({ "00209116": sq({ "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } }) }) };
    expect(hasNoPlaces(seg([segment(1)], own), slices)).toBe(false);
  });
});
