import { describe, expect, it } from "vitest";
import { measurementSentence } from "@/features/reader/lib/measurements/measurementSentence";
import { calibrationOf, type Calibration } from "@/dicom/calibration/calibration";
import type { DicomJson } from "@/dicom/dicomweb";
import { caveatsOf, type Measurement, type MeasuringKind } from "@/dicom/measurements/measurement";
import { withInsertions } from "@/features/report/lib/reportText";
import { setLanguage } from "@/shared/i18n/language";
import { isAnythingOpen, openPoints } from "@/shared/lib/signing";
import type { Alert, Finding, Report } from "@/shared/api/types";

function finding(id: string, label: string, kind?: string): Finding {
  return { finding_id: id, label, feedback: kind ? [{ kind: "ACCEPTED" }, { kind }] : [] } as unknown as Finding;
}

function report(...sentences: { finding_ids: string[]; basis: string }[]): Report {
  return { sections: [{ heading: "Findings", kind: "findings", sentences }], attention: null } as unknown as Report;
}

describe("what is open before signing", () => {
  const findings = [finding("1", "Right lung volume", "REJECTED"), finding("2", "Left lung volume", "ACCEPTED"), finding("3", "Both lungs volume")];

  it("names critical findings, rejections that the text still states, and what nobody looked at", () => {
    const text = report({ finding_ids: ["1", "2"], basis: "findings" });
    const open = openPoints(text, findings, [{ text: "Brain volume below 900 cm³" } as Alert]);
    expect(open).toEqual({
      critical: ["Brain volume below 900 cm³"],
      rejected: ["Right lung volume"],
      unreviewed: ["Both lungs volume"],
      missing: [],
      attention: "",
    });
    expect(isAnythingOpen(open)).toBe(true);
  });

  it("names findings in the language of the page", () => {
    setLanguage("de");
    const open = openPoints(report({ finding_ids: ["1"], basis: "findings" }), findings, []);
    expect([...open.rejected, ...open.unreviewed]).toEqual(["Lunge rechts, Volumen", "Beide Lungen, Volumen"]);
  });

  it("is not the node's own sentence about how many were rejected", () => {
    const text = report({ finding_ids: ["1"], basis: "node" }, { finding_ids: ["2"], basis: "findings" });
    const open = openPoints(text, findings.slice(0, 2), []);
    expect(open.rejected).toEqual([]);
    expect(isAnythingOpen(open)).toBe(false);
  });
});

describe("critical findings that the Impression does not state", () => {
  it("are open; alerts stand among the critical ones already", () => {
    const named = { concepts: [{ concept: "pneumothorax", names: { en: "pneumothorax" } }], sentence: "Pneumothorax." };
    const text = { ...report(), missing: [named, { concepts: [], sentence: "An alert." }] } as unknown as Report;
    const open = openPoints(text, [], []);
    expect(open.missing).toEqual([named]);
    expect(isAnythingOpen(open)).toBe(true);
  });
});

describe("a measurement in the report", () => {
  const nodule: Measurement = {
    trackingUid: "2.25.1",
    kind: "bidirectional",
    sopInstanceUid: "1.2",
    frameNumber: 1,
    points: [],
    isClosed: false,
    label: "Nodule",
    measured: [
      { quantity: "long_axis", value: 21.27, unit: "mm" },
      { quantity: "short_axis", value: 14, unit: "mm" },
    ],
    savedAs: [],
    caveats: [],
  } as unknown as Measurement;

  it("is a sentence in the report's language, with where it lies", () => {
    const place = { seriesNumber: 3, imageNumber: 21, frameNumber: null };
    expect(measurementSentence(nodule, place, "en")).toBe("Nodule: long 21.3 mm, short 14.0 mm (series 3, image 21).");
    expect(measurementSentence(nodule, place, "de")).toBe("Nodule: lang 21,3 mm, kurz 14,0 mm (Serie 3, Bild 21).");
    const cine = { seriesNumber: 3, imageNumber: 1, frameNumber: 7 };
    expect(measurementSentence(nodule, cine, "en")).toContain("(series 3, image 1, frame 7)");
    const other = { ...nodule, savedAs: [{ quantity: "long_axis" as const, value: 35, unit: "mm" }] };
    expect(measurementSentence(other, place, "de")).toContain("(Serie 3, Bild 21; gespeichert als lang 35,0 mm)");
    const angle = { ...nodule, kind: "angle" as const, label: "", measured: [{ quantity: "angle", value: 0.42, unit: "deg" }] };
    expect(measurementSentence(angle, { seriesNumber: null, imageNumber: null, frameNumber: null }, "fr")).toBe("Angle: 0.42°.");
  });

  it("states how far its lengths can be trusted, on one side of the full stop with them", () => {
    const place = { seriesNumber: 1, imageNumber: 1, frameNumber: null };
    const header = (attributes: object): Calibration => calibrationOf(attributes as DicomJson);
    const measure = (kind: MeasuringKind, unit: string, value: number, calibration: Calibration): Measurement => {
      const measured = [{ quantity: kind, value, unit }];
      return { ...nodule, kind, label: "Heart", measured, caveats: caveatsOf(kind, calibration) };
    };
    const detector = header({ "00080060": { Value: ["DX"] }, "00181164": { Value: [0.14, 0.28] } });
    const width = measure("length", "mm", 29.9, detector);
    expect(measurementSentence(width, place, "de")).toBe(
      "Heart: 29,9 mm (Serie 1, Bild 1; auf dem Detektor kalibriert, nicht um die Vergrößerung korrigiert).",
    );
    expect(measurementSentence(width, { seriesNumber: null, imageNumber: null, frameNumber: null }, "en")).toBe(
      "Heart: 29.9 mm (calibrated at the detector, not corrected for magnification).",
    );
    const geometry = header({ "00080060": { Value: ["CR"] }, "00280030": { Value: [0.2, 0.2] }, "00280A02": { Value: ["GEOMETRY"] } });
    expect(measurementSentence(measure("length", "mm", 42.7, geometry), place, "en")).toContain("42.7 mm (series 1, image 1; corrected for geom");
    expect(measurementSentence(measure("length", "{pixels}", 125, header({})), place, "en")).toBe(
      "Heart: 125 px (series 1, image 1; no pixel spacing: lengths in pixels).",
    );
    expect(measurementSentence(measure("angle", "deg", 42, detector), place, "en")).toBe("Heart: 42.0° (series 1, image 1).");
    // Of an image that is not opened, as its SR states it.
    const kept = { ...width, caveats: [{ sentence: "Calibrated at the detector." }] };
    expect(measurementSentence(kept, place, "en")).toBe("Heart: 29.9 mm (series 1, image 1; calibrated at the detector).");
  });

  it("has in a German report the units that the report has", () => {
    const mean = { ...nodule, kind: "ellipse" as const, measured: [{ quantity: "mean", value: -871, unit: "[hnsf'U]" }] };
    const nowhere = { seriesNumber: null, imageNumber: null, frameNumber: null };
    expect(measurementSentence(mean, nowhere, "de")).toBe("Nodule: Mittel -871 HE.");
    expect(measurementSentence(mean, nowhere, "en")).toBe("Nodule: mean -871 HU.");
  });

  const plain = (words: string) => ({ text: words, finding_ids: [] });

  it("stands at the end of the findings, before the impression", () => {
    const edited = [
      { heading: "Findings", kind: "findings" as const, text: "Lungs clear.\n" },
      { heading: "Impression", kind: "impression" as const, text: "Normal." },
    ];
    const next = withInsertions(edited, [(language) => plain(`Nodule in ${language}.`), () => plain("Second.")], "en");
    expect(next.map(({ text }) => text)).toEqual(["Lungs clear.\nNodule in en.\nSecond.", "Normal."]);
  });
});
