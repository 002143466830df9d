import { describe, expect, it } from "vitest";
import { changeText, idText } from "@/features/admin/lib/patientChangesApi";
import { de } from "@/shared/i18n/de";
import { en } from "@/shared/i18n/en";
import type { PatientChange } from "@/shared/api/types";

const change = (changes: Partial<PatientChange>): PatientChange => ({
  change_id: "1",
  kind: "link",
  trigger_event: "",
  sender: "",
  control_id: "",
  patient_id: "A",
  issuer_of_patient_id: "HOSPITAL",
  prior_patient_id: "B",
  prior_issuer_of_patient_id: "",
  study_instance_uid: "",
  patient_name: null,
  patient_birth_date: null,
  patient_sex: null,
  reason: "",
  stated_by: "ada",
  stated_at: "2026-01-01T00:00:00Z",
  undone_by: "",
  undo_reason: "",
  undone_at: null,
  ...changes,
});

describe("a change of a patient", () => {
  it("reads as one line, with who issued an ID where that is known", () => {
    const t = en.patientChanges;
    expect(changeText(change({}), t)).toBe("A of HOSPITAL linked with B");
    expect(changeText(change({ kind: "merge" }), t)).toBe("B merged into A of HOSPITAL");
    expect(changeText(change({ kind: "move" }), t)).toBe("Study moved to A of HOSPITAL");
    expect(changeText(change({ kind: "demographics" }), t)).toBe("A of HOSPITAL corrected");
    expect(changeText(change({}), de.patientChanges)).toBe("A von HOSPITAL mit B verknüpft");
    expect(idText("A", "", t)).toBe("A");
  });
});
