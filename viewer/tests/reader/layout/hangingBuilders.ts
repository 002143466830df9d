import type { HangingProtocol, SeriesSummary, StudyDetail } from "@/shared/api/types";

export function series(uid: string, description: string, more: Partial<SeriesSummary> = {}): SeriesSummary {
  return {
    series_instance_uid: uid,
    modality: "CT",
    series_description: description,
    body_part_examined: "CHEST",
    protocol_name: "",
    instance_count: 100,
    roles: [],
    ...more,
  } as SeriesSummary;
}

export function study(uid: string, date: string, ...all: SeriesSummary[]): StudyDetail {
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

export function viewport(more: Partial<HangingProtocol["viewports"][number]> = {}): HangingProtocol["viewports"][number] {
  return {
    study: "current",
    modalities: [],
    description_contains: [],
    description_lacks: [],
    laterality: "",
    views: [],
    role: "",
    kind: "",
    each_image: false,
    window: null,
    required: true,
    ...more,
  };
}

export function protocol(more: Partial<HangingProtocol>): HangingProtocol {
  return {
    name: "p",
    modalities: ["CT"],
    body_parts: [],
    rows: 1,
    columns: 2,
    linked: true,
    fused: false,
    viewports: [viewport(), viewport({ study: "prior" })],
    stages: [],
    ...more,
  };
}
