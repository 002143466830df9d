import { describe, expect, it } from "vitest";
import type { Job, StudySummary } from "@/shared/api/types";
import { columnsOf, imageModalities, isoDay, newestJobs, offeredModalities } from "@/features/studies/lib/studyListColumns";

const job = (pipeline: string, created_at: string, state: Job["state"]) =>
  ({ pipeline, created_at, state, job_id: created_at }) as Job;

describe("the study list", () => {
  it("shows the patient in any choice of columns, each in its place", () => {
    expect(columnsOf([])).toContain("state");
    expect(columnsOf(["state", "id"])).toEqual(["patient", "id", "state"]);
    expect(columnsOf(["of an older version"])).toEqual(columnsOf([]));
  });

  it("tells the newest job of each pipeline", () => {
    const jobs = [
      job("b", "2026-01-01", "completed"),
      job("a", "2026-01-01", "failed"),
      job("a", "2026-01-02", "completed"),
    ];
    expect(newestJobs(jobs).map((one) => [one.pipeline, one.state])).toEqual([
      ["a", "completed"],
      ["b", "completed"],
    ]);
  });

  it("offers usual modalities, those here and those chosen, but none of results", () => {
    const studies = [{ modalities: ["OPT", "SEG", "SR"] }] as StudySummary[];
    const offered = offeredModalities(studies, ["ES"]);
    expect(offered).toEqual(expect.arrayContaining(["CT", "MR", "OPT", "ES"]));
    expect(offered).not.toContain("SEG");
  });

  it("takes a day by the clock on the wall", () => {
    expect(isoDay(new Date(2026, 0, 5, 23, 59))).toBe("2026-01-05");
  });
});

it("counts no results and documents among the modalities of a study", () => {
  expect(imageModalities(["CT", "DOC", "KO", "PR", "SEG", "SR"])).toEqual(["CT"]);
  expect(imageModalities(["RTSTRUCT", "CT", "OT"])).toEqual(["RTSTRUCT", "CT", "OT"]);
  expect(imageModalities(["SR"])).toEqual([]);
});
