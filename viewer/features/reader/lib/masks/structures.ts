import { isComparable, latestFeedback } from "@/shared/lib/feedback";
import type { Finding } from "@/shared/api/types";

export type Side = "left" | "right" | "whole";

/** One thing that was measured of a structure, by side. */
export interface MeasureRow {
  measure: string;
  findings: Partial<Record<Side, Finding>>;
}

/** A structure with its measures; a paired one has its two sides in the same rows. */
export interface Structure {
  name: string;
  paired: boolean;
  rows: MeasureRow[];
}

/** What one version of a pipeline found in one series. */
export interface PipelineFindings {
  key: string;
  pipeline: string;
  version: string;
  count: number;
  structures: Structure[];
}

interface Parts {
  subject: string;
  measure: string;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Parts a label into what was measured and how: "Left lung" and "volume". A finding with a segment
 * names it in its tracking identifier; one without is parted where a measure of those ends it.
 */
function partsOf(finding: Finding, measures: readonly string[]): Parts {
  const { label } = finding;
  const tracked = finding.tracking_identifier.split(": ").slice(1).join(": ");
  if (finding.segmentation && tracked && label.startsWith(`${tracked} `)) {
    return { subject: tracked, measure: label.slice(tracked.length + 1) };
  }
  const measure = measures.find((one) => label.endsWith(` ${one}`));
  if (!measure) return { subject: label, measure: "" };
  return { subject: label.slice(0, -measure.length - 1), measure };
}

function sided(subject: string): { side: Side; name: string } {
  const match = /^(left|right) (.+)$/i.exec(subject);
  if (!match) return { side: "whole", name: subject };
  return { side: match[1]?.toLowerCase() as Side, name: capital(match[2] ?? "") };
}

/** A volume is what a reader looks for first; the rest stays in its order. */
function volumeFirst(rows: readonly MeasureRow[]): MeasureRow[] {
  const isVolume = ({ measure }: MeasureRow) => measure === "volume";
  return [...rows.filter(isVolume), ...rows.filter((row) => !isVolume(row))];
}

function structuresOf(findings: readonly Finding[]): Structure[] {
  const segmented = findings.filter((finding) => finding.segmentation);
  const measures = [...new Set(segmented.map((finding) => partsOf(finding, []).measure)), "volume"]
    .filter(Boolean)
    .sort((a, b) => b.length - a.length);
  // As the pipeline numbers its segments; what has none is about the whole, and comes first.
  const inOrder = [...findings].sort(
    (a, b) => (a.segmentation?.segment_number ?? 0) - (b.segmentation?.segment_number ?? 0),
  );
  const structures = new Map<string, Structure>();
  for (const finding of inOrder) {
    const { subject, measure } = partsOf(finding, measures);
    const { side, name } = sided(subject);
    const paired = side !== "whole";
    const key = `${paired} ${name}`;
    const structure = structures.get(key) ?? { name, paired, rows: [] };
    const free = structure.rows.find((row) => row.measure === measure && !row.findings[side]);
    if (free) free.findings[side] = finding;
    else structure.rows.push({ measure, findings: { [side]: finding } });
    structures.set(key, structure);
  }
  return [...structures.values()].map((one) => ({ ...one, rows: volumeFirst(one.rows) }));
}

/** The findings of some groups in the order in which the tables show them, left before right. */
export function inTableOrder(groups: readonly PipelineFindings[]): Finding[] {
  const sides: Side[] = ["whole", "left", "right"];
  return groups
    .flatMap(({ structures }) => structures)
    .flatMap(({ rows }) => rows)
    .flatMap(({ findings }) => sides.flatMap((side) => findings[side] ?? []));
}

/** Of a group, what may be accepted unseen beside others: what nobody has judged, and stands for its structure. */
export function openFindings(group: PipelineFindings): Finding[] {
  return inTableOrder([group]).filter((finding) => latestFeedback(finding) === null && isComparable(finding));
}

/** Findings by pipeline, version and series, and within these by structure. */
export function byStructure(findings: readonly Finding[]): PipelineFindings[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { pipeline, pipeline_version, source_series_instance_uid } = finding;
    const key = `${pipeline} ${pipeline_version} ${source_series_instance_uid}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups].map(([key, group]) => ({
    key,
    pipeline: group[0]?.pipeline ?? "",
    version: group[0]?.pipeline_version ?? "",
    count: group.length,
    structures: structuresOf(group),
  }));
}
