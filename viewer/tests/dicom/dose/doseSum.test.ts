import { describe, expect, it } from "vitest";
import { doseAt, type DoseGrid } from "@/dicom/dose/doseGrid";
import { sumObstacle, sumOfDoses, type Summand } from "@/dicom/dose/doseSum";

/** A grid of 2 mm whose doses are a slope along x: `base + x / 10`. */
function grid(uid: string, base: number, more: Partial<DoseGrid> = {}): DoseGrid {
  const made = {
    sopInstanceUid: uid,
    frameOfReferenceUid: "1.2.9",
    kind: "physical",
    unit: "Gy",
    isSigned: false,
    bytesPerValue: 4,
    scaling: 1,
    columns: 6,
    rows: 4,
    origin: [0, 0, 0],
    along: [1, 0, 0],
    down: [0, 1, 0],
    normal: [0, 0, 1],
    columnSpacingMm: 2,
    rowSpacingMm: 2,
    offsetsMm: [0, 2, 4],
    singleReachMm: 1,
    most: 0,
    ...more,
  } as DoseGrid;
  const { columns, rows, offsetsMm, origin, columnSpacingMm } = made;
  const values = Float32Array.from({ length: columns * rows * offsetsMm.length }, (_, at) => base + (origin[0] + (at % columns) * columnSpacingMm) / 10);
  return { ...made, values, most: Math.max(...values) };
}

describe("a sum of doses", () => {
  it("of one grid is that of its values", () => {
    const sum = sumOfDoses([grid("1", 10), grid("2", 5), grid("3", 1)]);
    expect(doseAt(sum, [4, 2, 2])).toBeCloseTo(16 + 3 * 0.4, 5);
    expect(sum.most).toBeCloseTo(16 + 3, 5);
    expect(sum.sopInstanceUid).toBe("1 + 2 + 3");
  });

  it("is on the finest grid, whichever comes first, and is known only where all reach", () => {
    const coarse = grid("c", 20, { columnSpacingMm: 4, columns: 3, rowSpacingMm: 3, rows: 3, origin: [1, 0, 0], offsetsMm: [0, 4] });
    for (const sum of [sumOfDoses([coarse, grid("f", 10)]), sumOfDoses([grid("f", 10), coarse])]) {
      expect(sum.columns).toBe(6);
      expect(doseAt(sum, [6, 4, 2])).toBeCloseTo(30 + 2 * 0.6, 5);
      // The coarse one goes from x = 1 to 9.
      expect(doseAt(sum, [0, 2, 2])).toBeNaN();
      expect(doseAt(sum, [10, 2, 2])).toBeNaN();
      expect(sum.most).toBeCloseTo(30 + 2 * 0.8, 5);
    }
  });

  it("is turned onto the other where planes go another way", () => {
    const turned = grid("t", 0, { along: [0, 1, 0], down: [1, 0, 0], normal: [0, 0, -1], offsetsMm: [-4, -2, 0] });
    // Its columns go along y: at y = 4 it has 0.4.
    expect(doseAt(sumOfDoses([grid("f", 10), turned]), [2, 4, 2])).toBeCloseTo(10 + 0.2 + 0.4, 5);
  });
});

describe("doses are not added", () => {
  const summand = (more: Partial<Summand["grid"]> = {}, rest: Partial<Summand> = {}): Summand => ({
    grid: { frameOfReferenceUid: "1.2.9", kind: "physical", unit: "Gy", ...more },
    summation: "PLAN",
    planUids: [],
    beams: [],
    ...rest,
  });

  it("of different frames of reference, kinds, or without a unit", () => {
    const physical = summand();
    expect(sumObstacle([physical, summand()])).toBeNull();
    expect(sumObstacle([physical, summand({ frameOfReferenceUid: "1.2.8" })])).toBe("frame");
    expect(sumObstacle([summand({ frameOfReferenceUid: "" }), summand({ frameOfReferenceUid: "" })])).toBe("frame");
    const effective = summand({ kind: "effective", unit: "Gy (RBE)" });
    expect(sumObstacle([physical, effective])).toBe("kind");
    expect(sumObstacle([effective, effective])).toBeNull();
    expect(sumObstacle([physical, summand({ kind: "unstated" })])).toBe("unstated");
    expect(sumObstacle([summand({ kind: "relative", unit: "" }), physical])).toBe("relative");
  });

  it("of a plan and a part of it, but different beams of one plan are", () => {
    const of = (summation: string, planUids: string[], beams: string[] = []) => summand({}, { summation, planUids, beams });
    expect(sumObstacle([of("PLAN", ["1.2"]), of("BEAM", ["1.2"], ["1:1"])])).toBe("counted_twice");
    expect(sumObstacle([of("BEAM", ["1.2"]), of("BEAM", ["1.3"]), of("FRACTION", ["1.2"])])).toBe("counted_twice");
    expect(sumObstacle([of("BEAM", ["1.2"], ["1:1"]), of("BEAM", ["1.2"], ["1:2"])])).toBeNull();
    expect(sumObstacle([of("PLAN", ["1.2"]), of("PLAN", ["1.3"])])).toBeNull();
  });

  it("where several plans are in one of them, whichever comes first", () => {
    const several = summand({}, { summation: "MULTI_PLAN", planUids: ["1.2", "1.3"] });
    for (const uid of ["1.2", "1.3"]) {
      expect(sumObstacle([several, summand({}, { planUids: [uid] })])).toBe("counted_twice");
    }
    expect(sumObstacle([several, summand({}, { planUids: ["1.4"] })])).toBeNull();
  });

  it("of a beam that was calculated twice, nor of beams that nothing names", () => {
    const beam = (...beams: string[]) => summand({}, { summation: "BEAM", planUids: ["1.2"], beams });
    expect(sumObstacle([beam("1:1"), beam("1:1")])).toBe("counted_twice");
    expect(sumObstacle([beam("1:1", "1:2"), beam("1:2")])).toBe("counted_twice");
    expect(sumObstacle([beam(), beam("1:2")])).toBe("counted_twice");
    // Beam 1 of another fraction group.
    expect(sumObstacle([beam("1:1"), beam("2:1")])).toBeNull();
  });
});
