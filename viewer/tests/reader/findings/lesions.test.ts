import { describe, expect, it } from "vitest";
import { earlierLesions, fateOf, isMeasuredByReaders, lastSeen, lesionRows } from "@/features/reader/lib/findings/lesions";
import type { Lesion, LesionCourse } from "@/shared/api/types";

const match = (relation: string, earlier = "", later = "") =>
  ({ relation, earlier_lesion_id: earlier, later_lesion_id: later }) as NonNullable<Lesion["match"]>;
const lesion = (lesion_id: string, tracking_uid: string, label: string, was?: NonNullable<Lesion["match"]>): Lesion =>
  ({ lesion_id, tracking_uid, label, long_axis_mm: 12, match: was ?? null }) as Lesion;

const course = {
  pipeline: "nodules",
  visits: [
    { study_date: "2023-01-01", lesions: [lesion("a1", "1.1", "Nodule 1"), lesion("b1", "1.2", "Nodule 2"), lesion("c1", "1.3", "Nodule 3"), lesion("e1", "1.5", "Nodule 4"), lesion("f1", "1.6", "Nodule 5")], gone: [], merged: [], outside: [] },
    {
      study_date: "2024-01-01",
      lesions: [lesion("b2", "1.2", "Nodule 1", match("matched", "b1", "b2")), lesion("d2", "1.4", "Nodule 2", match("new", "", "d2"))],
      gone: [match("gone", "a1")],
      merged: [match("merged", "c1", "b2")],
      outside: [match("outside", "e1")],
      uncertain: [match("uncertain", "f1")],
    },
  ],
} as unknown as LesionCourse;

describe("lesions over the studies", () => {
  const rows = lesionRows(course);

  it("are one row each, by what they are and not by their number", () => {
    expect(rows.map((row) => [row.trackingUid, row.label, row.cells.map((cell) => cell?.lesion_id ?? null)])).toEqual([
      ["1.1", "Nodule 1", ["a1", null]],
      ["1.2", "Nodule 1", ["b1", "b2"]],
      ["1.3", "Nodule 3", ["c1", null]],
      ["1.5", "Nodule 4", ["e1", null]],
      ["1.6", "Nodule 5", ["f1", null]],
      ["1.4", "Nodule 2", [null, "d2"]],
    ]);
  });

  it("say what became of them", () => {
    expect(rows.map((row) => fateOf(course, row, 1))).toEqual(["gone", "matched", "merged", "outside", "uncertain", "new"]);
    expect(rows.map((row) => fateOf(course, row, 0))).toEqual(["", "", "", "", "", ""]);
  });

  it("name the study whose number they have, where it is not the last", () => {
    const dates = rows.map((row) => lastSeen(course, row)?.study_date ?? null);
    expect(dates).toEqual(["2023-01-01", null, "2023-01-01", "2023-01-01", "2023-01-01", null]);
  });

  it("may have been each of the lesions of the studies before", () => {
    expect(earlierLesions(course).map(({ lesion: one, visit }) => [one.lesion_id, visit.study_date])).toEqual([
      ["a1", "2023-01-01"],
      ["b1", "2023-01-01"],
      ["c1", "2023-01-01"],
      ["e1", "2023-01-01"],
      ["f1", "2023-01-01"],
    ]);
  });

  it("say whether readers measured them", () => {
    expect(isMeasuredByReaders(course)).toBe(false);
    const drawn = { ...course, pipeline: "drawn-lesions" };
    expect(isMeasuredByReaders(drawn)).toBe(true);
    expect(rows.map((row) => fateOf(drawn, row, 1))).toEqual(["notMeasured", "matched", "merged", "outside", "uncertain", "firstMeasured"]);
  });
});
