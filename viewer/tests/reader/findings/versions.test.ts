import { describe, expect, it } from "vitest";
import { hexOf, rgbOfHex } from "@/dicom/color";
import type { Finding } from "@/shared/api/types";
import { compareVersions, masksOf, versionPairs } from "@/features/reader/lib/findings/versions";

function finding(version: string, label: string, value: number | null, seg = `seg ${version}`): Finding {
  return {
    finding_id: `${version} ${label}`,
    pipeline: "brain-structures",
    pipeline_version: version,
    source_series_instance_uid: "1.2",
    label,
    tracking_identifier: label,
    unit: { value: "cm3", scheme_designator: "UCUM", meaning: "cm3" },
    value,
    segmentation: { sop_instance_uid: seg, segment_number: 1, color_rgb: [1, 2, 3] },
  } as unknown as Finding;
}

describe("versions of a pipeline", () => {
  const both = [
    finding("1.10.0", "Left hippocampus volume", 4.4),
    finding("1.9.0", "Left hippocampus volume", 4.0),
    finding("1.9.0", "Pons volume", 15),
    finding("1.10.0", "Amygdala volume", 1.5),
  ];

  it("are found where there are two on one series, in the order of their numbers", () => {
    const [pair, ...others] = versionPairs(both);
    expect(others).toEqual([]);
    expect(pair?.versions).toEqual(["1.9.0", "1.10.0"]);
    expect(versionPairs(both.filter((one) => one.pipeline_version === "1.9.0"))).toEqual([]);
    const elsewhere = { ...finding("2.0.0", "Pons volume", 15), source_series_instance_uid: "1.3" };
    expect(versionPairs([both[1]!, elsewhere])).toEqual([]);
  });

  it("stand beside one another, with what one of them does not state", () => {
    const pair = versionPairs(both)[0]!;
    const rows = compareVersions(pair, "1.9.0", "1.10.0");
    expect(rows.map(({ label, older, newer }) => [label, older?.value, newer?.value])).toEqual([
      ["Left hippocampus volume", 4.0, 4.4],
      ["Pons volume", 15, undefined],
      ["Amygdala volume", undefined, 1.5],
    ]);
    expect(rows[0]?.difference).toBeCloseTo(0.4);
    expect(rows[0]?.percent).toBeCloseTo(10);
    expect(rows[1]).toMatchObject({ difference: null, percent: null });
    expect(masksOf(pair, "1.10.0")).toEqual(new Set(["seg 1.10.0"]));
  });
});

it("writes a colour as an input has it, and reads it back", () => {
  expect(hexOf([242, 184, 5])).toBe("#f2b805");
  expect(rgbOfHex("#f2b805")).toEqual([242, 184, 5]);
});
