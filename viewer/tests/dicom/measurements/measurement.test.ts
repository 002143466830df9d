import { isWhere } from "@/dicom/measurements/samePlace";
import { glance } from "@/shared/lib/format";
import { describe, expect, it } from "vitest";
import { statisticsOf, statsOf } from "@/cornerstone/annotations/annotations";
import {
  disagreeing,
  forNode,
  isTaken,
  kindOf,
  measuredLines,
  measuredText,
  shapes,
  summaryOf,
  uidOfUuid,
  type Measurement,
} from "@/dicom/measurements/measurement";
import type { DicomJson } from "@/dicom/dicomweb";
import { noteSuvOfSeries, suvFactorOf, suvGapOf } from "@/dicom/pet/suv";
import { withoutCopies } from "@/features/reader/lib/measurements/ofOthers";
import { warningsOf } from "@/features/reader/lib/imageWarnings";
import { unitOfValues } from "@/dicom/display/values";

const length: Measurement = {
  trackingUid: "2.25.1",
  kind: "length",
  sopInstanceUid: "1.2",
  frameNumber: 1,
  points: [
    [1, 2],
    [3, 4],
  ],
  isClosed: false,
  label: "",
  measured: [{ quantity: "length", value: 41.96, unit: "mm" }],
  obstacle: null,
  savedAs: [],
  caveats: [],
  madeBy: null,
  takenOver: null,
};

describe("what is measured", () => {
  it("has a shape that the node knows, both ways", () => {
    for (const [kind, shape] of Object.entries(shapes)) expect(kindOf(shape)).toBe(kind);
    expect(kindOf("SPLINE")).toBeNull();
  });

  it("is sent as drawn: the node computes lengths itself and takes statistics of pixels", () => {
    expect(forNode(length)).toMatchObject({ shape: "LENGTH", statistics: [], label: "" });
    const ellipse: Measurement = {
      ...length,
      kind: "ellipse",
      measured: [
        { quantity: "area", value: 3, unit: "mm2" },
        { quantity: "mean", value: -12.5, unit: "[hnsf'U]" },
        { quantity: "maximum", value: NaN, unit: "1" },
      ],
    };
    expect(forNode(ellipse)).toMatchObject({
      statistics: [{ quantity: "mean", value: -12.5, unit: "[hnsf'U]" }],
    });
    expect(forNode({ ...length, kind: "arrow" })).toMatchObject({ label: "Arrow" });
  });

  it("names what it is a copy of, and what others made knows whether it was copied", () => {
    const copy: Measurement = { ...length, trackingUid: "2.25.9", takenOver: { sopInstanceUid: "1.5", trackingUid: "2.25.1", maker: "Bo" } };
    expect(forNode(copy)).toMatchObject({ tracking_uid: "2.25.9", taken_over_from: { sop_instance_uid: "1.5", tracking_uid: "2.25.1" } });
    expect(forNode(length)).toMatchObject({ taken_over_from: null });
    const theirs: Measurement = { ...length, trackingUid: "1.5#0", madeBy: { sopInstanceUid: "1.5", title: "", maker: "Bo", sender: "PACS", trackingUid: "2.25.1" } };
    expect(isTaken(theirs, [length])).toBe(false);
    expect(isTaken(theirs, [length, copy])).toBe(true);
    // Sent back under our own UID it is ours, and another drawing once it was moved.
    expect(withoutCopies([length, theirs])).toEqual([length]);
    const moved: Measurement = { ...theirs, points: [[1, 2], [30, 4]] };
    expect(withoutCopies([length, moved])).toEqual([length, moved]);
    expect(withoutCopies([theirs])).toEqual([theirs]);
  });

  it("has of a probe the pixel's own value, in SUV where it is told, once it has been drawn", () => {
    const drawn = { cachedStats: { "imageId:a": { modalityUnit: "HU", value: undefined } } };
    const hounsfield = { quantity: "value", value: -7, unit: "[hnsf'U]" };
    const unit = "[hnsf'U]";
    expect(statisticsOf("probe", drawn, unit, null, -7)).toEqual([hounsfield]);
    expect(statisticsOf("probe", drawn, "1", 0.5, 5000)).toEqual([{ quantity: "value", value: 2500, unit: "g/ml{SUVbw}" }]);
    expect(statisticsOf("probe", drawn, unit, null, null)).toEqual([]);
    expect(statisticsOf("probe", { cachedStats: {} }, unit, null, -7)).toEqual([]);
  });

  it("keeps the statistics that the node keeps until a shape changes, and takes no SUV twice", () => {
    const mean = { quantity: "mean", value: 3.5, unit: "g/ml{SUVbw}" };
    const kept = statsOf("ellipse", [{ quantity: "area", value: 40, unit: "mm2" }, mean]);
    expect(statisticsOf("ellipse", { cachedStats: { "imageId:a": kept ?? {} } }, "1", 0.001)).toEqual([mean]);
    const computed = { cachedStats: { "imageId:a": { area: 40, areaUnit: "mm²", mean: 3500, stdDev: [1, 2, 3] } } };
    expect(statisticsOf("ellipse", computed, "1", 0.001)).toEqual([mean]);
    expect(statsOf("length", [mean])).toBeNull();
  });

  it("has Hounsfield units of a CT alone that is rescaled to them", () => {
    const ct = { "00080060": { vr: "CS", Value: ["CT"] }, "00281053": { vr: "DS", Value: ["1"] } };
    expect(unitOfValues(ct)).toBe("[hnsf'U]");
    expect(unitOfValues({ ...ct, "00281054": { vr: "LO", Value: ["HU"] } })).toBe("[hnsf'U]");
    // Milligrams of iodine, of a spectral scanner; and a screenshot of a CT.
    expect(unitOfValues({ ...ct, "00281054": { vr: "LO", Value: ["MGML"] } })).toBe("1");
    expect(unitOfValues({ ...ct, "00281053": undefined })).toBe("1");
    expect(unitOfValues({ ...ct, "00080060": { vr: "CS", Value: ["US"] } })).toBe("1");
  });

  it("says why it has no length, and what a report says that its image does not", () => {
    expect(summaryOf({ measured: [], obstacle: "leaves_region", savedAs: [] })).toBe(
      "Not measurable: it leaves the calibrated ultrasound region",
    );
    const saved = [{ quantity: "length", value: 116.6, unit: "{pixels}" }];
    const found = [{ quantity: "length", value: 61, unit: "mm" }];
    expect(disagreeing(saved, found)).toEqual(saved);
    expect(summaryOf({ measured: found, obstacle: null, savedAs: saved })).toBe("61.0 mm, saved as 117 px");
    expect(disagreeing([{ quantity: "length", value: 6.1, unit: "cm" }], found)).toEqual([]);
    expect(disagreeing([{ quantity: "length", value: 61.3, unit: "mm" }], found)).toEqual([]);
    expect(disagreeing([{ quantity: "length", value: 62, unit: "mm" }], found)).toHaveLength(1);
    expect(disagreeing([{ quantity: "mean", value: 4, unit: "1" }], found)).toEqual([]);
  });

  it("is told with its units", () => {
    expect(measuredText(length.measured)).toBe("42.0 mm");
    expect(
      measuredText([
        { quantity: "area", value: 123.4, unit: "mm2" },
        { quantity: "mean", value: -871.2, unit: "[hnsf'U]" },
      ]),
    ).toBe("area 123 mm², mean -871 HU");
    expect(measuredText([{ quantity: "angle", value: 12.34, unit: "deg" }])).toBe("12.3°");
    expect(measuredText([])).toBe("");
    expect(measuredText([{ quantity: "length", value: 0.0123, unit: "mm" }])).toBe("0.012 mm");
    expect(measuredText([{ quantity: "length", value: 0.5, unit: "mm" }])).toBe("0.50 mm");
    expect(measuredText([{ quantity: "length", value: 0.00025, unit: "mm" }])).toBe("0.0003 mm");
  });

  it("shows what is left of two ends on one point as nothing", () => {
    expect(measuredText([{ quantity: "length", value: 0.0000028, unit: "mm" }])).toBe("0.0 mm");
    expect(measuredText([{ quantity: "length", value: 0.0000028, unit: "{pixels}" }])).toBe("0.0 px");
    expect(measuredText([{ quantity: "angle", value: 0.0000028, unit: "deg" }])).toBe("0.0°");
    expect(glance(2.8e-17)).toBe(0);
  });

  it("is where it was saved as long as each point is", () => {
    expect(isWhere([[10, 10], [40, 10]], [[40.01, 10], [10, 10.01]])).toBe(true);
    expect(isWhere([[10, 10], [40, 10]], [[40, 10], [40, 10]])).toBe(false);
    expect(
      measuredText([
        { quantity: "time", value: 0.3, unit: "s" },
        { quantity: "velocity", value: 20, unit: "cm/s" },
      ]),
    ).toBe("time 0.300 s, velocity 20.0 cm/s");
    const suv = { quantity: "value", value: 3.25, unit: "g/ml{SUVbw}" };
    expect(measuredLines({ label: "liver", measured: [suv], obstacle: null, savedAs: [] })).toEqual(["liver", "3.3 SUV"]);
    expect(measuredLines({ label: "", measured: [], obstacle: null, savedAs: [] })).toEqual([]);
  });

  it("keeps one UID, made of Cornerstone's UUID", () => {
    // The example of PS3.5 B.2.
    expect(uidOfUuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")).toBe(
      "2.25.329800735698586629295641978511506172918",
    );
  });
});

describe("the factor from Bq/ml to SUV", () => {
  const pet = {
    "00080060": { vr: "CS", Value: ["PT"] },
    "00541001": { vr: "CS", Value: ["BQML"] },
    "00541102": { vr: "CS", Value: ["START"] },
    "00101030": { vr: "DS", Value: [70] },
    "00080021": { vr: "DA", Value: ["20260101"] },
    "00080031": { vr: "TM", Value: ["100000"] },
    "00080022": { vr: "DA", Value: ["20260101"] },
    "00080032": { vr: "TM", Value: ["100000.5"] },
    "00280051": { vr: "CS", Value: ["DECY", "ATTN", "SCAT"] },
    "00540016": {
      vr: "SQ",
      Value: [
        {
          "00181072": { vr: "TM", Value: ["081010.00"] },
          "00181074": { vr: "DS", Value: [370e6] },
          "00181075": { vr: "DS", Value: [6590] },
        },
      ],
    },
  };

  const givenOn = (moment: string) => {
    const [drug] = pet["00540016"].Value;
    return { "00540016": { vr: "SQ", Value: [{ ...drug, "00181078": { vr: "DT", Value: [moment] } }] } };
  };

  it("lets the dose decay from its injection to the start of the series", () => {
    // 6590 s, one half life, lie between 08:10:10 and 10:00:00.
    expect(suvFactorOf(pet)).toBeCloseTo(70_000 / 185e6, 12);
  });

  it("is none of what lasts for days where the injection has a time and no day", () => {
    const [drug] = pet["00540016"].Value;
    const zirconium = { ...drug, "00181075": { vr: "DS", Value: [282_312] } };
    const withDrug = (one: object): DicomJson => ({ ...pet, "00540016": { vr: "SQ", Value: [one] } }) as DicomJson;
    expect(suvGapOf(withDrug(zirconium))).toBe("start_day");
    // Five days before: 2^(432000 / 282312), by hand.
    const stated = withDrug({ ...zirconium, "00181072": undefined, "00181078": { vr: "DT", Value: ["20251227100000"] } });
    expect(suvFactorOf(stated)).toBeCloseTo((70_000 / 370e6) * 2.888, 6);
    expect(suvGapOf({ ...withDrug(zirconium), "00541102": { vr: "CS", Value: ["ADMIN"] } })).toBeNull();
  });

  it("is none of a series that was made after its acquisition, nor of dates that do not belong together", () => {
    expect(suvFactorOf({ ...pet, "00080031": { vr: "TM", Value: ["160000"] } })).toBeNull();
    expect(suvFactorOf({ ...pet, "00080032": undefined })).toBeNull();
    const day = { vr: "DA", Value: ["20260109"] };
    expect(suvFactorOf({ ...pet, "00080021": day, "00080022": day, ...givenOn("20260101081010") })).toBeNull();
  });

  it.each([
    ["another weight", { "00101030": { vr: "DS", Value: [80] } }],
    ["other units", { "00541001": { vr: "CS", Value: ["GML"] } }],
    ["another decay correction", { "00541102": { vr: "CS", Value: ["ADMIN"] } }],
    ["another time of injection", givenOn("20260101073000")],
    ["another time of the series", { "00080031": { vr: "TM", Value: ["093000"] } }],
    ["no weight", { "00101030": undefined }],
  ])("is none of all images of a series of which one states %s", (_, change) => {
    const alike: DicomJson[] = [{ ...pet }, { ...pet }, { ...pet, "00101030": { vr: "DS", Value: [70.0004] } }];
    noteSuvOfSeries(alike);
    expect(alike.map(suvGapOf)).toEqual([null, null, null]);
    const mixed: DicomJson[] = [{ ...pet }, { ...pet, ...change } as DicomJson, { ...pet }];
    noteSuvOfSeries(mixed);
    expect(mixed.map(suvGapOf)).toEqual(["mixed", "mixed", "mixed"]);
    expect(mixed.map(suvFactorOf)).toEqual([null, null, null]);
    expect(warningsOf(mixed[0] ?? {}).join()).toContain("different weights");
  });

  it("is none without correction of attenuation, nor of an SUV by something else than body weight", () => {
    expect(suvFactorOf({ ...pet, "00280051": { vr: "CS", Value: ["DECY"] } })).toBeNull();
    expect(suvFactorOf({ ...pet, "00280051": undefined })).toBeNull();
    const grams = { ...pet, "00541001": { vr: "CS", Value: ["GML"] } };
    expect(suvFactorOf(grams)).toBe(1);
    expect(suvFactorOf({ ...grams, "00541006": { vr: "CS", Value: ["BW"] } })).toBe(1);
    expect(suvFactorOf({ ...grams, "00541006": { vr: "CS", Value: ["LBM"] } })).toBeNull();
  });

  it("compares an injection with an offset from UTC by that of the header, and by nothing else", () => {
    const own = { "00080201": { vr: "SH", Value: ["+0100"] } };
    const expected = suvFactorOf({ ...pet, ...givenOn("20260101081010") });
    expect(suvFactorOf({ ...pet, ...own, ...givenOn("20260101081010+0100") })).toBe(expected);
    expect(suvFactorOf({ ...pet, ...own, ...givenOn("20260101071010.000000+0000") })).toBe(expected);
    expect(suvFactorOf({ ...pet, ...own, ...givenOn("20260101024010-0430") })).toBe(expected);
    expect(suvFactorOf({ ...pet, ...givenOn("20260101071010+0000") })).toBeNull();
  });

  it("is not guessed where the header lacks a part", () => {
    expect(suvFactorOf({ ...pet, "00101030": undefined })).toBeNull();
    expect(suvFactorOf({ ...pet, "00541001": { vr: "CS", Value: ["CNTS"] } })).toBeNull();
    expect(suvFactorOf({ ...pet, "00541102": { vr: "CS", Value: ["NONE"] } })).toBeNull();
    expect(suvFactorOf({ ...pet, "00080060": { vr: "CS", Value: ["CT"] } })).toBeNull();
  });

  it("is none of a dose in MBq or a weight in grams, which the standard has in Bq and kg", () => {
    const [drug] = pet["00540016"].Value;
    const inMbq = { ...drug, "00181074": { vr: "DS", Value: [370] } };
    expect(suvFactorOf({ ...pet, "00540016": { vr: "SQ", Value: [inMbq] } })).toBeNull();
    expect(suvFactorOf({ ...pet, "00101030": { vr: "DS", Value: [70_000] } })).toBeNull();
  });

  it("is none of a half-life that is not the radionuclide's, such as minutes for seconds", () => {
    const of = (halfLife: number, ...code: DicomJson[]): DicomJson => ({
      ...pet,
      "00540016": {
        vr: "SQ",
        Value: [
          {
            ...pet["00540016"].Value[0],
            "00181075": { vr: "DS", Value: [halfLife] },
            "00540300": { vr: "SQ", Value: code },
          },
        ],
      },
    });
    const fluorine = { "00080100": { vr: "SH", Value: ["C-111A1"] } };
    const gallium = { "00080104": { vr: "LO", Value: ["68 Ga"] } };
    expect(suvFactorOf(of(6586.2, fluorine))).not.toBeNull();
    expect(suvFactorOf(of(109.77, fluorine))).toBeNull();
    expect(suvFactorOf(of(109.77))).toBeNull();
    expect(suvFactorOf(of(6586.2, gallium))).toBeNull();
    expect(suvFactorOf(of(4062.6, gallium))).not.toBeNull();
    // Nothing is known against one that is not listed.
    expect(suvFactorOf(of(9_551, { "00080104": { vr: "LO", Value: ["^44^Scandium"] } }))).not.toBeNull();
    expect(warningsOf(of(109.77, fluorine))).toContain(
      "No SUV: the header states a half-life of 110 s, that of F-18 is 6586 s",
    );
  });

  it("is none, with a reason on the screen, where the header contradicts itself or nothing fits", () => {
    const [drug] = pet["00540016"].Value;
    const drugs = (...items: DicomJson[]) => ({ "00540016": { vr: "SQ", Value: items } });
    const cases: [DicomJson, string][] = [
      [{ "00280051": { vr: "CS", Value: ["ATTN"] } }, "contradicts itself on whether decay is corrected"],
      [drugs(drug as DicomJson, drug as DicomJson), "states several radiopharmaceuticals"],
      [givenOn("20260101091010"), "two times of injection in the header contradict each other"],
      [givenOn("20251231081010"), "too many half-lives"],
      [{ "00101030": { vr: "DS", Value: [0.75] } }, "not plausible for the patient's weight"],
      [{ "00101030": { vr: "DS", Value: [0] } }, "weight is missing"],
      [{ "00541001": { vr: "CS", Value: ["CNTS"] } }, "not in Bq/ml"],
      [{ "00541001": { vr: "CS", Value: ["GML"] }, "00541006": { vr: "CS", Value: ["LBM"] } }, "another kind of SUV"],
      [{ "00541102": { vr: "CS", Value: ["NONE"] } }, "to when decay is corrected"],
      [{ "00280051": { vr: "CS", Value: ["DECY"] } }, "attenuation is not corrected"],
      [drugs(), "does not state the radiopharmaceutical"],
      [{ "00080031": { vr: "TM", Value: ["160000"] } }, "dated after its acquisition"],
      [{ "00080032": undefined } as unknown as DicomJson, "times of injection and acquisition"],
    ];
    for (const [change, reason] of cases) {
      const dataset = { ...pet, ...change } as DicomJson;
      expect(suvFactorOf(dataset), reason).toBeNull();
      expect(warningsOf(dataset).filter((one) => one.startsWith("No SUV")), reason).toEqual([
        expect.stringContaining(reason),
      ]);
    }
    expect(warningsOf(pet as DicomJson).filter((one) => one.startsWith("No SUV"))).toEqual([]);
    // The clock of the one is the other's, to the minute, on whichever day.
    expect(suvFactorOf({ ...pet, ...givenOn("20260101081000") })).not.toBeNull();
  });

  it("does not decay where the images are corrected to the injection", () => {
    expect(suvFactorOf({ ...pet, "00541102": { vr: "CS", Value: ["ADMIN"] } })).toBeCloseTo(70_000 / 370e6, 12);
  });
});
