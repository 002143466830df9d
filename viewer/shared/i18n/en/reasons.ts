import { stages } from "./stages";
import type { CaveatKind, EndCode, HealthCode, ReasonCode } from "@/shared/api/types";

/** What the node says of a series, of a job that ended, of its own parts and of what makes a value doubtful, by code; in English as the node writes it (null). */
export const reasons = {
  noAnalysisFits: (series: number | null, reason: string) => `No analysis fits${series === null ? "" : ` series ${series}`}: ${reason}`,
  sentences: null as Record<ReasonCode, (values: Values) => string> | null,
  ends: null as Record<Exclude<EndCode, ReasonCode>, (values: EndValues) => string> | null,
  health: null as Record<HealthCode, (values: HealthValues) => string> | null,
  stages,
  caveats: null as Record<Exclude<CaveatKind, "other" | "part_of_series">, (limits: readonly string[]) => string> | null,
};

/** What a sentence says, by name (inference/reasons.py). */
type Values = Record<
  | "count" | "echo_time" | "first" | "found" | "image_type" | "inversion_time" | "keyword" | "kind" | "least" | "modality"
  | "most" | "repetition_time" | "second" | "text" | "usual" | "wanted",
  string
>;

/** The same of a job that ended (inference/failure_sentences.py). */
type EndValues = Record<"by" | "count" | "error" | "found" | "limit" | "model" | "place" | "stage" | "what" | "why", string>;

/** And of a part of the node (api/server/health_sentences.py). */
type HealthValues = Record<
  | "begins" | "command" | "commands" | "count" | "day" | "error" | "filled" | "folder" | "free" | "freed" | "last" | "missing" | "most" | "name"
  | "named" | "names" | "needed" | "now" | "problem" | "quota" | "rule" | "seconds" | "share" | "studies" | "studies_share" | "taken" | "user" | "when",
  string
>;
