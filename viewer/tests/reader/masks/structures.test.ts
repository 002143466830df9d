import { describe, expect, it } from "vitest";
import { byStructure, inTableOrder, openFindings } from "@/features/reader/lib/masks/structures";
import type { Finding } from "@/shared/api/types";

function finding(label: string, tracked: string, segment: number | null, pipeline = "lung-density"): Finding {
  return {
    finding_id: label,
    label,
    pipeline,
    pipeline_version: "1.0.0",
    source_series_instance_uid: "1.2.3",
    tracking_identifier: `${pipeline}: ${tracked}`,
    segmentation:
      segment === null
        ? null
        : {
            series_instance_uid: "1",
            sop_instance_uid: "2",
            segment_number: segment,
            color_rgb: [1, 2, 3],
          },
  } as Finding;
}

describe("findings by structure", () => {
  it("puts left beside right, the volume first, and what is of both before them", () => {
    const [group] = byStructure([
      finding("Both lungs LAA-950", "Both lungs LAA-950", null),
      finding("Both lungs volume", "Both lungs volume", null),
      finding("Left lung LAA-950", "Left lung", 1),
      finding("Left lung volume", "Left lung", 1),
      finding("Right lung LAA-950", "Right lung", 2),
      finding("Right lung volume", "Right lung", 2),
    ]);
    expect(
      group?.structures.map(({ name, paired, rows }) => [
        name,
        paired,
        rows.map(({ measure, findings }) => [measure, findings.left?.label, findings.right?.label]),
      ]),
    ).toEqual([
      ["Both lungs", false, [["volume", undefined, undefined], ["LAA-950", undefined, undefined]]],
      [
        "Lung",
        true,
        [
          ["volume", "Left lung volume", "Right lung volume"],
          ["LAA-950", "Left lung LAA-950", "Right lung LAA-950"],
        ],
      ],
    ]);
  });

  it("parts pipelines, and loses no finding, not even two of one name", () => {
    const groups = byStructure([
      finding("Brain volume", "Brain", 1, "brain-volume"),
      finding("Pneumonia", "Pneumonia", null, "classify"),
      finding("Pneumonia", "Pneumonia", null, "classify"),
    ]);
    expect(groups.map(({ pipeline, count }) => [pipeline, count])).toEqual([
      ["brain-volume", 1],
      ["classify", 2],
    ]);
    expect(groups[1]?.structures[0]?.rows).toHaveLength(2);
  });

  it("are gone through as they stand, and those that nobody judged are found", () => {
    const left = finding("Left lung volume", "Left lung", 1);
    const right = { ...finding("Right lung volume", "Right lung", 2), feedback: [{ kind: "REJECTED" }] } as Finding;
    const cut = { ...finding("Heart volume", "Heart", 3), validity: { state: "truncated" } } as Finding;
    const groups = byStructure([right, cut, left]);
    expect(inTableOrder(groups)).toEqual([left, right, cut]);
    expect(groups.flatMap(openFindings)).toEqual([left]);
  });
});
