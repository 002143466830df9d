import { latestFeedback } from "@/shared/lib/feedback";
import { findingName } from "@/shared/lib/findingNames";
import type { Alert, Finding, Report } from "@/shared/api/types";

/** What a person should know before signing; empty lists where nothing is open. */
export interface OpenPoints {
  /** Critical findings that nobody has acknowledged. */
  critical: string[];
  /** Rejected findings on which a sentence of the text still rests. */
  rejected: string[];
  /** Findings that were neither accepted, rejected nor corrected. */
  unreviewed: string[];
  /** Critical findings that the Findings name and the Impression does not. */
  missing: NonNullable<Report["missing"]>;
  /** Something came after the text was written, in the node's words. */
  attention: string;
}

export function openPoints(report: Report, findings: readonly Finding[], alerts: readonly Alert[]): OpenPoints {
  // That so many findings were rejected is the node's own sentence, and no statement of them.
  const stated = new Set(
    report.sections.flatMap(({ sentences }) =>
      sentences.filter(({ basis }) => basis !== "node").flatMap((sentence) => sentence.finding_ids),
    ),
  );
  const isRejected = (finding: Finding) => latestFeedback(finding)?.kind === "REJECTED";
  return {
    critical: alerts.map((alert) => alert.text),
    rejected: findings
      .filter((finding) => isRejected(finding) && stated.has(finding.finding_id))
      .map(({ label }) => findingName(label)),
    unreviewed: findings.filter((finding) => latestFeedback(finding) === null).map(({ label }) => findingName(label)),
    // Open alerts stand in `critical` already.
    missing: (report.missing ?? []).filter(({ concepts }) => concepts.length > 0),
    attention: report.attention?.reason ?? "",
  };
}

export function isAnythingOpen({ critical, rejected, unreviewed, missing, attention }: OpenPoints): boolean {
  return critical.length + rejected.length + unreviewed.length + missing.length > 0 || attention !== "";
}
