import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { doseFacts, planFacts } from "@/features/reader/lib/radiotherapy";
import type { ContentItem } from "@/features/reader/lib/contentTree";

const sq = (...items: object[]) => ({ vr: "SQ", Value: items });
const one = (...values: unknown[]) => ({ vr: "DS", Value: values });
const lines = (items: readonly ContentItem[]): string[] =>
  items.flatMap(({ name, value, children }) => [`${name}: ${value}`, ...lines(children).map((line) => `  ${line}`)]);

describe("radiotherapy as text", () => {
  it("tells a plan with its prescription, fractions and beams", () => {
    const plan: DicomJson = {
      "300A0002": one("Plan1"),
      "300A0006": one("20030903"),
      "300E0002": one("UNAPPROVED"),
      "300A0010": sq({ "300A0016": one("PTV"), "300A0020": one("TARGET"), "300A0026": one(30.8) }, { "300A0016": one("Cord"), "300A0020": one("ORGAN_AT_RISK"), "300A0023": one(75), "300A002C": one(45) }),
      "300A0070": sq({ "300A0071": one(1), "300A0078": one(30), "300C0004": sq({ "300C0006": one(1), "300A0084": one(1.0275), "300A0086": one(116) }) }),
      "300A00B0": sq({
        "300A00C0": one(1),
        "300A00C2": one("Field 1"),
        "300A00B3": one("MU"),
        "300A00C6": one("PHOTON"),
        "300A00C4": one("STATIC"),
        "300A0111": sq({ "300A0114": one(6), "300A011E": one(0) }),
      }),
    };
    expect(lines(planFacts(plan))).toEqual([
      "Label: Plan1",
      "Date: 2003-09-03",
      "Approval: UNAPPROVED",
      "PTV: TARGET",
      "  Prescribed: 30.8 Gy",
      "Cord: ORGAN_AT_RISK",
      "  Maximum in the organ: 45 Gy",
      "  Most that may be delivered: 75 Gy",
      "Fraction group 1: 30",
      "  Beam 1: 1.0275 Gy",
      "Beam 1 Field 1: PHOTON, STATIC",
      "  Energy: 6 MV",
      "  Meterset: 116 MU",
      "  Gantry: 0 °",
    ]);
  });

  it("tells what a dose is of, and each histogram in short", () => {
    const dose: DicomJson = {
      "30040004": one("PHYSICAL"),
      "3004000A": one("PLAN"),
      "30040002": one("GY"),
      "00280010": one(10),
      "00280011": one(12),
      "00280008": one(15),
      "00280030": one(10, 5),
      "30040050": sq({ "30040002": one("GY"), "30040001": one("CUMULATIVE"), "30040060": sq({ "30060084": one(3) }), "30040074": one(12.5) }),
    };
    expect(lines(doseFacts(dose))).toEqual([
      "Dose: PHYSICAL, PLAN",
      "Unit: GY",
      "Grid: 12 × 10 × 15, 5 × 10 mm",
      "Dose-volume histogram of ROI 3: CUMULATIVE",
      "  Mean: 12.5 GY",
    ]);
  });
});
