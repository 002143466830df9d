import { describe, expect, it } from "vitest";
import { curved } from "@/dicom/measurements/marks";
import { screenFrom } from "@/features/reader/lib/measurements/markGeometry";
import { overlayPixels, overlayPlanesOf } from "@/dicom/display/overlayPlanes";
import { paddingOf } from "@/dicom/display/padding";
import { presentationOf, presents, voiOver } from "@/dicom/display/presentation";
import { meantFor } from "@/dicom/display/imageTargets";
import { headerPresets } from "@/dicom/display/voi";
import { windowOfValues } from "@/dicom/windowing";

const image = (uid: string, frames: number[] = []) => ({
  "00081155": { vr: "UI", Value: [uid] },
  ...(frames.length > 0 && { "00081160": { vr: "IS", Value: frames } }),
});
const sequence = (...items: object[]) => ({ vr: "SQ", Value: items });
const numbers = (vr: string, ...values: number[]) => ({ vr, Value: values });
const words = (vr: string, ...values: string[]) => ({ vr, Value: values });

describe("a presentation state", () => {
  const state = presentationOf({
    "00080018": words("UI", "2.25.9"),
    "00081115": sequence({
      "0020000E": words("UI", "2.25.1"),
      "00081140": sequence(image("2.25.11"), image("2.25.12", [3, 4])),
    }),
    "00283110": sequence(
      { "00081140": sequence(image("2.25.11")), "00281050": numbers("DS", 50), "00281051": numbers("DS", 100) },
      { "00281050": numbers("DS", 10), "00281051": numbers("DS", 20) },
    ),
    "20500020": words("CS", "INVERSE"),
    "0070005A": sequence({ "00700052": numbers("SL", 40, 1), "00700053": numbers("SL", 21, 30), "00700100": words("CS", "TRUE SIZE") }),
    "00700060": sequence({ "00700002": words("CS", "L"), "00700062": numbers("IS", 1), "00700066": numbers("US", 65535) }),
    "00700001": sequence({
      "00700002": words("CS", "L"),
      "00700009": sequence(
        { "00700005": words("CS", "PIXEL"), "00700023": words("CS", "CIRCLE"), "00700022": numbers("FL", 5, 5, 8, 9) },
        { "00700005": words("CS", "PIXEL"), "00700023": words("CS", "ELLIPSE"), "00700022": numbers("FL", 0, 5, 10, 5, 5, 2, 5, 8) },
      ),
    }),
    "00181600": words("CS", "RECTANGULAR", "CIRCULAR"),
    "00181602": numbers("IS", 2),
    "00181604": numbers("IS", 9),
    "00181606": numbers("IS", 3),
    "00181608": numbers("IS", 8),
    "00181610": numbers("IS", 5, 6),
    "00181612": numbers("IS", 4),
  });

  it("is meant for its images and frames alone", () => {
    expect(presents(state, "2.25.1", "2.25.11", 7)).toBe(true);
    expect(presents(state, "2.25.1", "2.25.12", 3)).toBe(true);
    expect(presents(state, "2.25.1", "2.25.12", 1)).toBe(false);
    expect(presents(state, "2.25.2", "2.25.11", 1)).toBe(false);
  });

  it("takes the first window that is meant for a frame", () => {
    expect(meantFor(state.vois, "2.25.11", 1)[0]?.range).toEqual({ lower: 0, upper: 100 });
    expect(meantFor(state.vois, "2.25.12", 3)[0]?.range).toEqual({ lower: 0, upper: 20 });
    expect(state.inverse).toBe(true);
  });

  it("means its windows of the values that it rescales to", () => {
    const hu = presentationOf({ "00281053": numbers("DS", 1), "00281052": numbers("DS", -1024) });
    const voi = { range: { lower: -100, upper: 100 }, curve: null };
    // Stored 924 to 1124 of an image that rescales nothing.
    expect(voiOver(voi, hu, {})).toEqual({ range: { lower: 924, upper: 1124 }, curve: null });
    expect(voiOver(voi, hu, { "00281053": numbers("DS", 2), "00281052": numbers("DS", 10) }).range).toEqual({ lower: 1858, upper: 2258 });
    expect(voiOver(voi, hu, { "00281053": numbers("DS", 1), "00281052": numbers("DS", -1024) })).toBe(voi);
    // One that states nothing is meant of the image's own values.
    expect(voiOver(voi, state, { "00281053": numbers("DS", 2) })).toBe(voi);
    const falling = presentationOf({ "00281053": numbers("DS", -1), "00281052": numbers("DS", 0) });
    expect(voiOver({ range: { lower: 0, upper: 10 }, curve: [0, 0.2, 1] }, falling, {})).toEqual({
      range: { lower: -10, upper: 0 },
      curve: [1, 0.2, 0],
    });
  });

  it("knows the corners of the area however the image is turned, and says what it cannot do", () => {
    expect(state.areas[0]?.value).toEqual({ left: 21, top: 1, right: 40, bottom: 30, magnification: null });
    expect(state.notices).toEqual(["The state asks for true size; shown as large as fits"]);
  });

  it("reads circles by centre and rim, ellipses by the ends of their axes", () => {
    expect(state.marks.map(({ value }) => value)).toMatchObject([
      { color: [255, 255, 255], shape: { kind: "ellipse", center: [5, 5], along: [3, 4], across: [-4, 3] } },
      { shape: { kind: "ellipse", center: [5, 5], along: [5, 0], across: [0, 3] } },
    ]);
  });

  it("hides what lies outside of its shutters", () => {
    expect(state.shutters.map(({ path }) => path)).toEqual([
      "M2 3H8V7H2Z",
      "M1.5 4.5a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    ]);
  });

  it("places shares of the displayed area upright on the screen", () => {
    // Turned clockwise by 90 degrees: columns run down, rows to the left.
    const screen = screenFrom([0, 2, -2, 0, 100, 10], { left: 1, top: 1, right: 20, bottom: 10 });
    expect(screen.at("PIXEL", [0, 0])).toEqual([100, 10]);
    expect(screen.at("DISPLAY", [0, 0])).toEqual([80, 10]);
    expect(screen.at("DISPLAY", [1, 1])).toEqual([100, 50]);
  });
});

it("an interpolated line goes through its points", () => {
  const line = curved([[0, 0], [4, 2], [8, 0]]);
  expect(line[0]).toEqual([0, 0]);
  expect(line[8]).toEqual([4, 2]);
  expect(line.at(-1)).toEqual([8, 0]);
});

describe("what a header offers", () => {
  it("puts tables before windows and names both", () => {
    const presets = headerPresets({
      "00283010": sequence({ "00283002": numbers("US", 3, 10, 8), "00283006": numbers("US", 0, 51, 255) }),
      "00281050": numbers("DS", 40, 300),
      "00281051": numbers("DS", 80, 100),
      "00281055": words("LO", "BRAIN"),
    });
    expect(presets).toEqual([
      { name: "VOI LUT 1", range: { lower: 10, upper: 12 }, curve: [0, 0.2, 1] },
      { name: "BRAIN", range: { lower: 0, upper: 80 } },
      { name: "Header 2", range: { lower: 250, upper: 350 } },
    ]);
  });

  it("begins a table at a negative value of a CT, however that is written", () => {
    const ct = { "00280101": numbers("US", 12), "00281052": numbers("DS", -1024), "00281053": numbers("DS", 1) };
    const table = { "00283002": numbers("US", 3, 64512, 8), "00283006": numbers("US", 0, 51, 255) };
    const [preset] = headerPresets({ ...ct, "00283010": sequence(table) });
    expect(preset?.range).toEqual({ lower: -1024, upper: -1022 });
    const [high] = headerPresets({ ...ct, "00281052": numbers("DS", 63_000), "00283010": sequence(table) });
    expect(high?.range).toEqual({ lower: 64_512, upper: 64_514 });
  });

  it("leaves padding out of a window that is measured", () => {
    const padding = paddingOf({
      "00280100": numbers("US", 16),
      "00280103": numbers("US", 1),
      "00280120": numbers("US", 63536),
      "00281052": numbers("DS", -24),
    });
    expect(padding).toEqual({ lower: -2024, upper: -2024 });
    const values = [...Array<number>(500).fill(-2024), ...Array.from({ length: 500 }, (_, value) => value)];
    expect(windowOfValues(values, padding).lower).toBe(5);
  });
});

describe("an overlay plane", () => {
  const header = {
    "60000010": numbers("US", 2),
    "60000011": numbers("US", 5),
    "60000050": numbers("SS", 3, -1),
    "60003000": { vr: "OW", InlineBinary: btoa("\x11\x02") },
  };

  it("lies where its origin says, row first and from 1", () => {
    expect(overlayPlanesOf(header)).toMatchObject([{ left: -2, top: 2, frames: null }]);
  });

  it("has its first bit lowest, on through the ends of rows", () => {
    const [plane] = overlayPlanesOf(header);
    const pixels = plane && overlayPixels(plane, Uint8Array.of(0x11, 0x02), 1, [9, 8, 7]);
    const set = Array.from({ length: 10 }, (_, index) => (pixels?.[4 * index + 3] ? index : -1)).filter((at) => at >= 0);
    expect(set).toEqual([0, 4, 9]);
  });

  it("of some frames has none for the others", () => {
    const [plane] = overlayPlanesOf({ ...header, "00280008": numbers("IS", 9), "60000015": numbers("IS", 2), "60000051": numbers("US", 4) });
    expect(plane?.frames).toEqual({ first: 4, count: 2 });
    expect(plane && overlayPixels(plane, Uint8Array.of(0, 0, 0), 3, [1, 1, 1])).toBeNull();
    expect(plane && overlayPixels(plane, Uint8Array.of(0, 0, 0), 5, [1, 1, 1])).not.toBeNull();
  });

  it("says what of it is not done, and takes narrow windows where they may be", () => {
    const voi = (width: number, voiFunction: string) => ({
      "00281050": { vr: "DS", Value: [0.001] },
      "00281051": { vr: "DS", Value: [width] },
      "00281056": { vr: "CS", Value: [voiFunction] },
    });
    const state = presentationOf({
      "00181600": { vr: "CS", Value: ["BITMAP"] },
      "00286100": { vr: "SQ", Value: [{}] },
      "00283110": { vr: "SQ", Value: [voi(0.002, "LINEAR_EXACT"), voi(0.002, "LINEAR")] },
    });
    expect(state.notices).toEqual([
      "The state's shutter is a bitmap, which is not laid over: what it is to hide is shown",
      "The state subtracts a mask; the images are shown without that",
    ]);
    expect(state.vois.map((one) => one.value.range)).toEqual([{ lower: 0, upper: 0.002 }]);
  });
});
