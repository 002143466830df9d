import { describe, expect, it } from "vitest";
import { hangStudy as hangInput, rolesOf } from "@/features/reader/lib/layout/hanging";
import type { HangingProtocol, StudyDetail } from "@/shared/api/types";
import { protocol, series, study, viewport } from "@/tests/reader/layout/hangingBuilders";

describe("what hangs by role", () => {
  const input = (now: StudyDetail) => ({ study: now, others: [], viewsOf: () => [], preferred: "a" });
  const unknown = study("now", "2026-01-01", series("a", "", { modality: "MR" }), series("b", "", { modality: "MR" }));
  const known = study("now", "2026-01-01", series("a", "", { modality: "MR", roles: ["T2"] }), series("b", "", { modality: "MR" }));
  const byRole = protocol({ name: "by role", modalities: ["MR"], viewports: [viewport({ role: "T2" })] });
  const byDescription = protocol({ name: "by description", modalities: ["MR"], viewports: [viewport()] });

  it("differs from what does not, in a later stage too", () => {
    const named = (protocols: HangingProtocol[], now: StudyDetail) => {
      const hung = hangInput(protocols, input(now));
      return hung && [hung.name, hung.isByRole];
    };
    expect(named([byRole, byDescription], unknown)).toEqual(["by description", false]);
    expect(named([byRole, byDescription], known)).toEqual(["by role", true]);
    const stages = [{ name: "T2", rows: 1, columns: 1, linked: false, fused: false, viewports: [viewport({ role: "T2" })] }];
    expect(named([{ ...byDescription, stages }], unknown)).toEqual(["by description", true]);
  });

  it("is fused where both share a frame of reference, and is no stage where they do not", () => {
    const roles = (frame: string) =>
      study(
        "now",
        "2026-01-01",
        series("ct", "", { roles: ["CT_OF_PET"], frame_of_reference_uid: "1.1" }),
        series("pet", "", { modality: "PT", roles: ["PET_CORRECTED"], frame_of_reference_uid: frame }),
      );
    const viewports = [viewport({ role: "CT_OF_PET" }), viewport({ role: "PET_CORRECTED" })];
    const stages = [{ name: "Fused", rows: 1, columns: 2, linked: false, fused: true, viewports }];
    const fusedIn = (frame: string) => hangInput([protocol({ modalities: ["PT"], viewports, stages })], input(roles(frame)))?.stages.map(({ fused }) => fused?.seriesInstanceUid ?? null);
    expect(fusedIn("1.1")).toEqual([null, "pet"]);
    expect(fusedIn("1.2")).toEqual([null]);
  });

  it("is looked at once more when a role becomes known, and for nothing else", () => {
    expect(rolesOf(known)).not.toBe(rolesOf(unknown));
    const grown = { ...known, series: known.series.map((one) => ({ ...one, instance_count: 200 })).reverse() };
    expect(rolesOf(grown)).toBe(rolesOf(known));
  });
});
