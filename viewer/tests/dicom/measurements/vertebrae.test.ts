import { describe, expect, it } from "vitest";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { forNode, kindOf, type Measurement } from "@/dicom/measurements/measurement";
import { levelAfter, levels, nextLevel } from "@/dicom/measurements/vertebrae";
import { pointsForNode } from "@/cornerstone/annotations/annotations";
import { placeLevel, spineLabelling } from "@/cornerstone/annotations/spineLabels";
import { measurementSentence } from "@/features/reader/lib/measurements/measurementSentence";

const film = calibrationOf({ "00080018": { vr: "UI", Value: ["1.2.3"] } });

describe("levels of the spine", () => {
  it("go on by what most people have, from segment to segment", () => {
    expect(nextLevel("T11", "down")).toBe("T12");
    expect(nextLevel("T12", "down")).toBe("L1");
    expect(nextLevel("C7", "down")).toBe("T1");
    expect(nextLevel("L5", "down")).toBe("S1");
    expect(nextLevel("L1", "up")).toBe("T12");
    expect(nextLevel("S5", "down")).toBe("S5");
    expect(nextLevel("C1", "up")).toBe("C1");
  });

  it("have supernumerary ones, which a reader chooses", () => {
    expect(levels).toContain("L6");
    expect(nextLevel("L6", "down")).toBe("S1");
    expect(nextLevel("T13", "up")).toBe("T12");
  });

  it("are offered again once they were taken back, and go on once they are back", () => {
    expect(levelAfter("L2", "down", ["T12", "L1"], ["T12"])).toBe("L1");
    expect(levelAfter("L2", "down", ["T12", "L1"], [])).toBe("T12");
    expect(levelAfter("T12", "down", [], ["T12", "L1"])).toBe("L2");
    expect(levelAfter("T10", "up", ["T12", "T11"], ["T12"])).toBe("T11");
    // One in the middle, one of another choice, and one that is renamed change nothing.
    expect(levelAfter("L2", "down", ["T12", "L1"], ["L1"])).toBe("L2");
    expect(levelAfter("C3", "down", ["T12", "L1"], ["T12"])).toBe("C3");
    expect(levelAfter("L2", "down", ["T12", "L1"], ["T12", "L2"])).toBe("L2");
  });

  it("begin again with another patient, and follow what is undone", () => {
    spineLabelling.begin();
    spineLabelling.set({ next: "C4", direction: "up" });
    const labels: string[] = [];
    const click = () => {
      placeLevel((label) => labels.push(label));
      spineLabelling.follow([...labels], true);
    };
    click();
    click();
    expect(spineLabelling.get().next).toBe("C2");
    spineLabelling.follow(labels.slice(0, 1), true);
    expect(spineLabelling.get()).toEqual({ next: "C3", direction: "up" });
    spineLabelling.begin();
    expect(spineLabelling.get()).toEqual({ next: "L1", direction: "down" });
  });

  it("are points with a name, kept like what else is drawn", () => {
    const label: Measurement = {
      trackingUid: "2.25.7", kind: "vertebra", sopInstanceUid: "1.2.3", frameNumber: 1, points: [[12.5, 40]], isClosed: false, label: "T12",
      measured: [], obstacle: null, savedAs: [], caveats: [], madeBy: null, takenOver: null,
    };
    expect(kindOf("VERTEBRA")).toBe("vertebra");
    expect(quantitiesOfShape("vertebra", label.points, film, false)).toEqual([]);
    expect(pointsForNode("vertebra", { handles: { points: [[1, 2, 3], [1, 2, 3]] } })).toEqual([[1, 2, 3]]);
    expect(forNode(label)).toMatchObject({ shape: "VERTEBRA", label: "T12", points: [[12.5, 40]] });
    expect(measurementSentence(label, { seriesNumber: 2, imageNumber: 5, frameNumber: null }, "en")).toContain("T12");
  });
});

describe("the angle of two lines that do not meet", () => {
  const lines = [[1, 1], [9, 1], [9, 9], [1, 1]] as const;

  it("goes to 180°, where Cobb's stays below 90°", () => {
    expect(quantitiesOfShape("lines", lines.map(([x, y]) => [x, y]), film, false)).toEqual([{ quantity: "angle", value: expect.closeTo(135, 6), unit: "deg" }]);
    expect(quantitiesOfShape("cobb", lines.map(([x, y]) => [x, y]), film, false)).toEqual([{ quantity: "angle", value: expect.closeTo(45, 6), unit: "deg" }]);
  });
});
