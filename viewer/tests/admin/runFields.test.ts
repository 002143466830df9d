import { describe, expect, it } from "vitest";
import { emptyRun, runFrom } from "@/features/admin/lib/runFields";

describe("a run over stored studies", () => {
  it("asks for what was entered, and for results to stay here", () => {
    const asked = runFrom({ ...emptyRun, words: " chest ", modality: "ct, mr", from: "2025-01-01", atOnce: "4" }, "lung-density");
    expect(asked.studies).toMatchObject({ q: "chest", modality: ["CT", "MR"], study_date_from: "2025-01-01" });
    expect(asked.studies).not.toHaveProperty("study_date_to");
    expect(asked).toMatchObject({ pipeline: "lung-density", at_once: 4, priority: "LOW", sends_results: false });
  });
});
