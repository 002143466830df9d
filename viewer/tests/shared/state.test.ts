import { describe, expect, it } from "vitest";
import {
  activeJob,
  byDestination,
  hasEndedInVain,
  jobBadge,
  percent,
  releaseDecisions,
  refusals,
  studyBadge,
  withdrawnResults,
  withJob,
} from "@/shared/lib/state";
import { text } from "@/shared/i18n";
import type { Decision, Delivery, Job } from "@/shared/api/types";

function job(changes: Partial<Job>): Job {
  return {
    job_id: "a",
    pipeline: "brain-volume",
    pipeline_version: "1",
    study_instance_uid: "1.2",
    series_instance_uid: "1.2.3",
    state: "scheduled",
    stage: "",
    stage_text: "Waiting for a worker.",
    progress: 0,
    reason: "",
    attempts: 0,
    priority: 0,
    priority_name: "ROUTINE",
    created_at: "2026-01-01T00:00:00Z",
    started_at: null,
    finished_at: null,
    updated_at: "2026-01-01T00:00:00Z",
    results: [],
    has_label_picture: false,
    edited_by: "",
    patient_name: "",
    patient_id: "",
    model_url: "",
    ...changes,
  };
}

function delivery(changes: Partial<Delivery>): Delivery {
  return {
    delivery_id: "d",
    destination: "pacs",
    sop_instance_uid: "1",
    series_instance_uid: "2",
    state: "confirmed",
    attempts: 1,
    study_instance_uid: "1.2",
    job_id: null,
    cause: "RESULT",
    rule: "",
    sent_at: null,
    waits_until: null,
    note: "",
    next_attempt_at: "2026-01-01T00:00:00Z",
    last_error: "",
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    ...changes,
  };
}

describe("jobs", () => {
  it("takes what an event says of a job, and a job that is new", () => {
    const running = job({ state: "in_progress", progress: 0.4, updated_at: "2026-01-01T00:00:05Z" });
    expect(withJob([job({})], running)).toEqual([running]);
    expect(withJob([job({})], job({ job_id: "b" })).map((one) => one.job_id)).toEqual(["b", "a"]);
  });

  it("tells superseded, cancelled and failed jobs apart, and leaves withdrawn masks out", () => {
    const badges = (["failed", "cancelled", "superseded"] as const).map(jobBadge);
    expect(badges.map((one) => one.word)).toEqual(["Failed", "Cancelled", "Superseded"]);
    expect(new Set(badges.map((one) => one.tone)).size).toBe(3);
    const results = [{ kind: "SEG", sop_class_uid: "1", series_instance_uid: "2", sop_instance_uid: "2.25.1" }];
    expect(withdrawnResults([job({ state: "superseded", results }), job({ state: "completed", results: [] })])).toEqual([
      "2.25.1",
    ]);
    expect([job({ state: "cancelled" }), job({ state: "superseded" })].map(hasEndedInVain)).toEqual([true, false]);
  });

  it("does not let an old event undo a newer state", () => {
    const done = job({ state: "completed", updated_at: "2026-01-01T00:00:09Z" });
    const late = job({ state: "in_progress", updated_at: "2026-01-01T00:00:05Z" });
    expect(withJob([done], late)).toEqual([done]);
  });

  it("shows the job that runs before one that waits", () => {
    const running = job({ job_id: "r", state: "in_progress" });
    expect(activeJob([job({}), running])).toBe(running);
    expect(activeJob([job({ state: "completed" })])).toBeNull();
  });

  it("keeps a percentage between 0 and 100", () => {
    expect(percent(job({ progress: 0.456 }))).toBe(46);
    expect(percent(job({ progress: 1.2 }))).toBe(100);
    expect(percent(job({ state: "completed", progress: 0.9 }))).toBe(100);
  });
});

describe("deliveries", () => {
  it("are as far as the slowest object of the destination", () => {
    const [archive, pacs] = byDestination([
      delivery({}),
      delivery({ state: "sent" }),
      delivery({
        destination: "archive",
        state: "pending",
        attempts: 3,
        last_error: "Connection refused.",
        next_attempt_at: "2026-01-01T00:01:00Z",
      }),
    ]);
    expect(archive).toMatchObject({ state: "pending", lastError: "Connection refused.", confirmed: 0, total: 1 });
    expect(pacs).toMatchObject({ state: "sent", confirmed: 1, total: 2, lastError: "" });
  });

  it("count what is withheld or waits beside what was sent, so that it can be released later", () => {
    const six = Array.from({ length: 6 }, () => delivery({ state: "sent" }));
    const withheld = byDestination([...six, delivery({ state: "withheld" }), delivery({ state: "withheld" })])[0]!;
    expect(withheld).toMatchObject({ state: "sent", total: 8, confirmed: 0, withheld: 2, awaitingRelease: 0 });
    expect(releaseDecisions(withheld)).toEqual(["release"]);
    const refused = byDestination([delivery({ state: "refused" }), delivery({ state: "awaiting_release" })])[0]!;
    expect(refused).toMatchObject({ state: "refused", awaitingRelease: 1 });
    expect(releaseDecisions(refused)).toEqual(["release", "withhold"]);
    expect(releaseDecisions(byDestination(six)[0]!)).toEqual([]);
    expect(text().reader.withheldOf(2)).toBe("2 objects are withheld: a radiologist decided not to send them.");
  });

  it("do not show the error of an attempt that has since succeeded", () => {
    expect(byDestination([delivery({ last_error: "Connection refused.", attempts: 2 })])[0]?.lastError).toBe("");
  });
});

describe("decisions", () => {
  const refused = (series: string, reason: string, accepted = false): Decision => ({
    study_instance_uid: "1.2",
    series_instance_uid: series,
    pipeline: "brain-volume",
    pipeline_version: "1",
    accepted,
    reason,
    job_id: null,
    decided_at: "2026-01-01T00:00:00Z",
  });

  it("gather the series that a pipeline refused for one reason", () => {
    const rows = refusals([
      refused("1", "Not a head."),
      refused("2", "Not a head."),
      refused("3", "Too few slices."),
      refused("4", "", true),
    ]);
    expect(rows.map((row) => [row.reason, row.seriesInstanceUids.length])).toEqual([
      ["Not a head.", 2],
      ["Too few slices.", 1],
    ]);
  });
});

it("names a state that a newer node may bring", () => {
  expect(studyBadge("ARCHIVED" as never)).toEqual({ word: "ARCHIVED", tone: "quiet" });
});
