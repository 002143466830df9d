import { describe, expect, it } from "vitest";
import { heldBack, instancesOfOthers, seriesOfOthers, uncheckedInstances } from "@/features/reader/lib/studies/otherPatients";

const study = {
  other_patient_instances: [
    { sop_instance_uid: "1.2", series_instance_uid: "1" },
    { sop_instance_uid: "1.3", series_instance_uid: "1" },
  ],
  unchecked_instances: [],
};
const masks = ["1.1", "1.2", "1.3"].map((sopInstanceUid) => ({ sopInstanceUid }));
const uids = (all: readonly { sopInstanceUid: string }[]) => all.map((one) => one.sopInstanceUid);

describe("what names another patient than its study", () => {
  it("is not drawn until the reader chooses it, and stays named then", () => {
    const others = instancesOfOthers(study);
    const before = heldBack(masks, others, new Set());
    expect([uids(before.drawn), uids(before.waiting)]).toEqual([["1.1"], ["1.2", "1.3"]]);
    const after = heldBack(masks, others, new Set(["1.3"]));
    expect([uids(after.drawn), uids(after.waiting)]).toEqual([["1.1", "1.3"], ["1.2"]]);
    expect(uids(after.ofOthers)).toEqual(["1.2", "1.3"]);
    expect([...seriesOfOthers(study)]).toEqual(["1"]);
  });

  it("is nothing where the study names nobody else", () => {
    expect(uids(heldBack(masks, instancesOfOthers({ other_patient_instances: [], unchecked_instances: [] }), new Set()).drawn)).toEqual(uids(masks));
    expect(instancesOfOthers(null)).toBe("");
  });

  it("may be among what the node has not checked yet, which waits as well", () => {
    const unchecked = { other_patient_instances: [], unchecked_instances: [{ sop_instance_uid: "1.2", series_instance_uid: "1" }] };
    const waiting = `${instancesOfOthers(unchecked)}\n${uncheckedInstances(unchecked)}`;
    expect(uids(heldBack(masks, waiting, new Set()).drawn)).toEqual(["1.1", "1.3"]);
    expect([...seriesOfOthers(unchecked)]).toEqual([]);
    expect(uncheckedInstances(null)).toBe("");
  });
});
