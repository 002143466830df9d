import type { ReasonCode } from "@/shared/api/types";

/** What the node says of a series, by its code; in English as the node writes it. */
export const reasons = {
  noAnalysisFits: (series: number | null, reason: string) => `No analysis fits${series === null ? "" : ` series ${series}`}: ${reason}`,
  sentences: null as Record<ReasonCode, (values: Values) => string> | null,
};

/** What a sentence says, by name (inference/reasons.py). */
type Values = Record<
  | "count" | "echo_time" | "first" | "found" | "image_type" | "inversion_time" | "keyword" | "kind" | "least" | "modality"
  | "most" | "repetition_time" | "second" | "text" | "usual" | "wanted",
  string
>;
