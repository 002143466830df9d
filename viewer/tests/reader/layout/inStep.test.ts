import { describe, expect, it } from "vitest";
import { isOfThisPatient, leads, stepMessage } from "@/features/reader/lib/stage/inStep";

const look = {
  kind: "look",
  from: "a",
  studyInstanceUid: "1.2",
  frameOfReferenceUid: "9.8",
  lpsMm: [1, -2, 3.5],
  modality: "CT",
  window: { lower: -160, upper: 240 },
};

describe("windows that are kept in step", () => {
  it("understand each other, and nothing else", () => {
    expect(stepMessage(structuredClone(look))).toEqual(look);
    expect(stepMessage({ ...look, window: null })).toEqual({ ...look, window: null });
    // A window that is none leaves the window alone; a place that is none says nothing.
    expect(stepMessage({ ...look, window: { lower: 5, upper: 5 } })).toEqual({ ...look, window: null });
    for (const odd of [{ lpsMm: [1, 2] }, { lpsMm: [1, NaN, 3] }, { lpsMm: "1,2,3" }, { from: "" }, { kind: "eval" }, { frameOfReferenceUid: 4 }]) {
      expect(stepMessage({ ...look, ...odd })).toBeNull();
    }
    expect([stepMessage(null), stepMessage("look"), stepMessage({})]).toEqual([null, null, null]);
    expect(stepMessage({ kind: "here", from: "b", isAnswer: true })).toEqual({ kind: "here", from: "b", isAnswer: true });
    expect(stepMessage({ kind: "gone", from: "b", more: 1 })).toEqual({ kind: "gone", from: "b" });
  });

  it("follow places of the patient who is open alone", () => {
    const studies = new Map([["1.2", {}], ["1.3", {}]]);
    const of = (studyInstanceUid: string, frameOfReferenceUid = "9.8") =>
      isOfThisPatient({ studyInstanceUid, frameOfReferenceUid, lpsMm: [0, 0, 0], modality: "CT", window: null }, studies);
    expect([of("1.3"), of("7.7"), of("1.2", "")]).toEqual([true, false, false]);
  });

  it("are led by the one that a person works in", () => {
    expect([leads(1000, 2000), leads(1000, 9000), leads(-Infinity, 10)]).toEqual([true, false, false]);
  });
});
