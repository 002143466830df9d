import { describe, expect, it } from "vitest";
import { samples, total } from "@/features/admin/lib/metrics";
import { conditionText } from "@/features/admin/lib/rules";

describe("numbers of a node", () => {
  const text = [
    "# HELP mediview_jobs Jobs by state.",
    'mediview_jobs{state="in_progress"} 2.0',
    'mediview_jobs{state="completed"} 40',
    "mediview_disk_free_bytes 7.0736842752e+10",
    'odd{a="with \\"quotes\\", and a comma",b=""} 1',
    "not a sample",
  ].join("\n");

  it("are read with their labels", () => {
    const all = samples(text);
    expect(total(all, "mediview_jobs", { state: "in_progress" })).toBe(2);
    expect(total(all, "mediview_jobs")).toBe(42);
    expect(total(all, "mediview_disk_free_bytes")).toBe(70736842752);
    expect(all.find((one) => one.name === "odd")?.labels.b).toBe("");
    expect(total(all, "absent")).toBeNull();
  });
});

describe("a rule's condition", () => {
  it("reads as one line, with brackets where they are needed", () => {
    const ct = { name: "Modality", test: { equals: ["CT"] } };
    const thin = { name: "slice_spacing_mm", test: { at_most: 3 } };
    const chest = { name: "BodyPartExamined", test: { matches: "CHEST|THORAX" } };
    expect(conditionText({ all: [ct, { any: [thin, { not: chest }] }] } as never)).toBe(
      "Modality = CT and (slice_spacing_mm ≤ 3 or not BodyPartExamined ~ CHEST|THORAX)",
    );
    expect(conditionText({ name: "PatientAge", test: { present: false } } as never)).toBe(
      "PatientAge absent",
    );
  });
});
