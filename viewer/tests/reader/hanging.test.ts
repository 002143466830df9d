import { describe, expect, it } from "vitest";
import { hangStudy } from "@/features/reader/lib/layout/hanging";
import type { HangingProtocol, SeriesSummary, StudyDetail } from "@/shared/api/types";

function series(uid: string, description: string, more: Partial<SeriesSummary> = {}): SeriesSummary {
  return {
    series_instance_uid: uid,
    modality: "CT",
    series_description: description,
    body_part_examined: "CHEST",
    protocol_name: "",
    instance_count: 100,
    ...more,
  } as SeriesSummary;
}

function study(uid: string, date: string, ...all: SeriesSummary[]): StudyDetail {
  return {
    study_instance_uid: uid,
    study_date: date,
    study_time: null,
    study_description: "",
    patient_id: "P",
    patient_birth_date: "1970-01-01",
    series: all,
  } as StudyDetail;
}

function viewport(more: Partial<HangingProtocol["viewports"][number]> = {}): HangingProtocol["viewports"][number] {
  return {
    study: "current",
    modalities: [],
    description_contains: [],
    description_lacks: [],
    window: null,
    required: true,
    ...more,
  };
}

function protocol(more: Partial<HangingProtocol>): HangingProtocol {
  return {
    name: "p",
    modalities: ["CT"],
    body_parts: [],
    rows: 1,
    columns: 2,
    linked: true,
    viewports: [viewport(), viewport({ study: "prior" })],
    ...more,
  };
}

describe("hanging protocols", () => {
  const now = study("1", "2026-02-01", series("lung", "LUNG 1.0"), series("soft", "Soft tissue"));
  const old = study("2", "2020-02-01", series("old", "Soft tissue"));
  const older = study("3", "2010-02-01", series("older", "LUNG 1.0"));

  it("put the newest prior with the like series beside the current study", () => {
    const hung = hangStudy([protocol({})], now, [older, old], "soft");
    expect(hung?.arrangement.cells.map((cell) => cell?.seriesInstanceUid)).toEqual(["soft", "old"]);
    expect(hung?.arrangement.linked).toBe(true);
  });

  it("never put a later study in the place of a prior", () => {
    const later = study("4", "2028-02-01", series("later", "Soft tissue"));
    const hung = hangStudy([protocol({})], now, [later, old], "soft");
    expect(hung?.arrangement.cells.map((cell) => cell?.seriesInstanceUid)).toEqual(["soft", "old"]);
    expect(hangStudy([protocol({})], now, [later], "soft")).toBeNull();
    const undated = { ...study("5", "", series("undated", "Soft tissue")), study_date: null };
    expect(hangStudy([protocol({})], now, [undated], "soft")).toBeNull();
  });

  it("do not apply without what they require, and give way to the next", () => {
    const alone = protocol({ name: "alone", columns: 1, viewports: [viewport()] });
    expect(hangStudy([protocol({}), alone], now, [], "soft")?.name).toBe("alone");
    expect(hangStudy([protocol({})], now, [], "soft")).toBeNull();
    const head = protocol({ body_parts: ["HEAD"] });
    expect(hangStudy([head], now, [old], "soft")).toBeNull();
  });

  it("show each series once, by the words of its description, through the window asked for", () => {
    const both = protocol({
      viewports: [
        viewport({ description_contains: ["lung"], window: { center: -600, width: 1500 } }),
        viewport({ description_lacks: ["scout"], required: false }),
      ],
    });
    const hung = hangStudy([both], now, [], "lung");
    expect(hung?.arrangement.cells.map((cell) => cell?.seriesInstanceUid)).toEqual(["lung", "soft"]);
    expect(hung?.windows).toEqual([{ lower: -1350, upper: 150 }, null]);
  });

  it("leave a viewport empty where its series is not required", () => {
    const loose = protocol({ viewports: [viewport(), viewport({ study: "prior", required: false })] });
    expect(hangStudy([loose], now, [], "soft")?.arrangement.cells[1]).toBeNull();
  });
});
