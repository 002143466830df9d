/** What the node's REST API answers: snake_case as sent, times ISO-8601 UTC. */

export type StudyState =
  | "RECEIVING"
  | "COMPLETE"
  | "QUEUED"
  | "RUNNING"
  | "RESULTS"
  | "DELIVERED"
  | "REFUSED"
  | "FAILED";

/** The states of a UPS (PS3.3 C.30.1); a failure is CANCELED with its reason. */
export type JobState = "SCHEDULED" | "IN PROGRESS" | "COMPLETED" | "CANCELED";

export type DeliveryState = "PENDING" | "SENDING" | "SENT" | "HELD";

export interface Code {
  value: string;
  scheme_designator: string;
  meaning: string;
}

export interface SegmentReference {
  series_instance_uid: string;
  sop_instance_uid: string;
  segment_number: number;
  color_rgb: [number, number, number];
}

export interface Finding {
  finding_id: string;
  job_id: string;
  pipeline: string;
  pipeline_version: string;
  label: string;
  code: Code;
  value: number | null;
  unit: Code | null;
  confidence: number | null;
  tracking_identifier: string;
  tracking_uid: string;
  source_series_instance_uid: string;
  segmentation: SegmentReference | null;
  verification: string;
  created_at: string;
}

export interface JobResult {
  kind: string;
  sop_class_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
}

export interface Job {
  job_id: string;
  pipeline: string;
  pipeline_version: string;
  study_instance_uid: string;
  series_instance_uid: string;
  state: JobState;
  stage: string;
  stage_text?: string;
  progress: number;
  reason: string;
  attempts: number;
  priority: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  updated_at: string;
  results?: JobResult[];
  findings?: Finding[];
}

export interface StudySummary {
  study_instance_uid: string;
  patient_name: string;
  patient_id: string;
  patient_birth_date: string | null;
  patient_sex: string;
  study_date: string | null;
  study_time: string | null;
  accession_number: string;
  study_description: string;
  modalities: string[];
  series_count: number;
  instance_count: number;
  size_bytes: number;
  received_at: string;
  updated_at: string;
  state: StudyState;
  state_text: string;
  jobs: Job[];
  findings_count: number;
}

export interface SeriesSummary {
  series_instance_uid: string;
  modality: string;
  series_number: number | null;
  series_description: string;
  instance_count: number;
  state: "RECEIVING" | "COMPLETE";
  origin: "received" | "generated";
}

export interface Decision {
  series_instance_uid: string;
  pipeline: string;
  pipeline_version: string;
  accepted: boolean;
  reason: string;
  job_id: string | null;
  decided_at: string;
}

export interface Delivery {
  delivery_id: string;
  destination: string;
  sop_instance_uid: string;
  series_instance_uid: string;
  state: DeliveryState;
  attempts: number;
  next_attempt_at: string | null;
  last_error: string;
  updated_at: string;
}

export interface ReportSentence {
  text: string;
  finding_ids: string[];
}

export interface ReportSection {
  heading: string;
  sentences: ReportSentence[];
}

export interface Report {
  report_id: string;
  job_id: string;
  state: string;
  language: string;
  title: string;
  sections: ReportSection[];
  created_at: string;
}

export interface StudyDetail extends StudySummary {
  series: SeriesSummary[];
  decisions: Decision[];
  deliveries: Delivery[];
  reports: Report[];
}

export interface Page<T> {
  items: T[];
  total: number;
  limit: number;
  offset: number;
}

export interface Pipeline {
  name: string;
  version: string;
  title: string;
}

export interface HealthPart {
  ok: boolean;
  detail: string;
}

export interface Health {
  status: "ok" | "degraded";
  parts: Record<string, HealthPart>;
  /** False when the node answered 503: a part is down without which it takes nothing in. */
  takesIn: boolean;
  version: string;
}

export interface PresignedUpload {
  upload_id: string;
  object_key: string;
  method: "PUT" | "POST";
  url: string;
  headers: Record<string, string>;
  fields: Record<string, string>;
  expires_at: string;
}

export interface AnalyzeStarted {
  job_id: string | null;
  jobs: Job[];
  decisions: Decision[];
  study_instance_uids: string[];
  instances: {
    stored: number;
    duplicate: number;
    conflict: number;
    refused: { name: string; reason: string }[];
  };
}

/** One event of the node's stream: which study changed, and the job when it was a job. */
export interface NodeEvent {
  topic: "study" | "job" | "delivery";
  study_instance_uid: string;
  job?: Job;
}
