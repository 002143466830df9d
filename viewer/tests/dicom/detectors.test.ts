import { describe, expect, it } from "vitest";
import { detectorOfFrame, detectorsOf, detectorView } from "@/dicom/detectors";
import type { DicomJson } from "@/dicom/dicomweb";
import { imageViews, viewText } from "@/dicom/imageView";

const values = (vr: string, ...all: unknown[]) => ({ vr, Value: all }) as DicomJson[string];
const coded = (value: string, meaning = "") =>
  ({ "00540220": values("SQ", { "00080100": values("SH", value), "00080104": values("LO", meaning) }) }) as DicomJson;

/** A planar image of two detectors; whole bodies come so. */
function scintigraphy(more: DicomJson, type = "WHOLE BODY"): DicomJson {
  return {
    "00080018": values("UI", "1.2.3"),
    "00080060": values("CS", "NM"),
    "00080008": values("CS", "ORIGINAL", "PRIMARY", type, "EMISSION"),
    "00280010": values("US", 1024),
    "00280008": values("IS", 2),
    "00540021": values("US", 2),
    ...more,
  };
}

describe("the detectors of a gamma camera", () => {
  it("look where their codes say, of either SNOMED, or in words", () => {
    const both = scintigraphy({ "00540022": values("SQ", coded("399001007"), coded("G-5215")), "00540020": values("US", 1, 2) });
    expect(detectorsOf(both).map(({ view }) => view)).toEqual(["POST", "ANT"]);
    expect([detectorView(both, 1), detectorView(both, 2)]).toEqual(["POST", "ANT"]);
    const own = scintigraphy({ "00540022": values("SQ", coded("X-1", "Anterior"), coded("X-2", "Left hand")) });
    expect(detectorsOf(own).map(({ view }) => view)).toEqual(["ANT", ""]);
  });

  it("look where their start angle says, where no code does", () => {
    const angled = (degrees: number) => ({ "00540200": values("DS", degrees) }) as DicomJson;
    const found = scintigraphy({ "00540022": values("SQ", angled(358.5), angled(180)) });
    expect(detectorsOf(found).map(({ view }) => view)).toEqual(["ANT", "POST"]);
    expect(detectorsOf(scintigraphy({ "00540022": values("SQ", angled(90), {}) })).map(({ view }) => view)).toEqual(["", ""]);
  });

  it("have their frames by the vector, also one after the other in turn, else one each", () => {
    const dynamic = scintigraphy({ "00280008": values("IS", 4), "00540020": values("US", 1, 2, 1, 2) }, "DYNAMIC");
    expect([1, 2, 3, 4].map((frame) => detectorOfFrame(dynamic, frame))).toEqual([1, 2, 1, 2]);
    expect([1, 2].map((frame) => detectorOfFrame(scintigraphy({}), frame))).toEqual([1, 2]);
    expect(detectorOfFrame(scintigraphy({ "00280008": values("IS", 6) }), 3)).toBeNull();
  });

  it("are none of tomographies and of other modalities", () => {
    const vector = { "00540020": values("US", 1, 2) };
    expect(detectorsOf(scintigraphy(vector, "RECON TOMO"))).toEqual([]);
    expect(detectorsOf({ ...scintigraphy(vector), "00080060": values("CS", "XA") })).toEqual([]);
  });

  it("are each an image of its own for hanging", () => {
    const both = scintigraphy({ "00540022": values("SQ", coded("399321004"), coded("399001007")) });
    expect(imageViews([both]).map(({ view, detector }) => [view, detector])).toEqual([["ANT", 1], ["POST", 2]]);
    expect(viewText(both, 2)).toBe("POST");
    const alone = scintigraphy({ "00280008": values("IS", 1), "00540021": values("US", 1), "00540022": values("SQ", coded("399001007")) });
    expect(imageViews([alone]).map(({ view, detector }) => [view, detector])).toEqual([["POST", undefined]]);
  });
});

describe("a view of a breast", () => {
  const mammogram = (...modifiers: string[]) => ({
    "00080018": values("UI", "1.2"),
    "00280010": values("US", 10),
    "00200062": values("CS", "R"),
    "00540220": values("SQ", {
      "00080100": values("SH", "399162004"),
      ...(modifiers.length > 0 ? { "00540222": values("SQ", ...modifiers.map((one) => ({ "00080100": values("SH", one) }))) } : {}),
    }),
  }) as DicomJson;

  it("is a usual one with the implant displaced, which a spot view with it is not", () => {
    const kinds = [mammogram(), mammogram("399209000"), mammogram("R-102D5", "R-102D7")].map((one) => imageViews([one])[0]);
    expect(kinds.map((one) => [one?.isSpecial, one?.isImplantDisplaced])).toEqual([[false, false], [true, true], [true, false]]);
    expect(viewText(mammogram("399209000"), 1)).toBe("R CC ID");
  });
});
