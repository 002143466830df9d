/** Two versions of one pipeline, or of its model, on the same series: what each of them states. */
import { isComparable } from "@/shared/lib/feedback";
import { changePercent, sameMeasure } from "@/features/reader/lib/findings/trend";
import type { Finding } from "@/shared/api/types";

export interface VersionRow {
  label: string;
  unit: string;
  older: Finding | null;
  newer: Finding | null;
  /** Newer less older, where both have a value; and in percent of the older. */
  difference: number | null;
  percent: number | null;
}

export interface VersionPair {
  key: string;
  pipeline: string;
  /** All that there are, the oldest first. */
  versions: string[];
  findings: readonly Finding[];
}

/** Pipelines that have stated findings in more than one version on one series. */
export function versionPairs(findings: readonly Finding[]): VersionPair[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.pipeline} ${finding.source_series_instance_uid}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups].flatMap(([key, group]) => {
    const versions = [...new Set(group.map((one) => one.pipeline_version))].sort((a, b) =>
      a.localeCompare(b, "en", { numeric: true }),
    );
    return versions.length > 1
      ? [{ key, pipeline: group[0]?.pipeline ?? "", versions, findings: group }]
      : [];
  });
}

/** Measure by measure; one that a version does not state has no value there. */
export function compareVersions({ findings }: VersionPair, older: string, newer: string): VersionRow[] {
  const of = (version: string) => findings.filter((one) => one.pipeline_version === version);
  const news = of(newer);
  const rows = of(older).map((one) => rowOf(one, news.find((other) => sameMeasure(one, other)) ?? null));
  const added = news.filter((one) => !of(older).some((other) => sameMeasure(one, other)));
  return [...rows, ...added.map((one) => rowOf(null, one))];
}

function rowOf(older: Finding | null, newer: Finding | null): VersionRow {
  const named = older ?? newer;
  // The value of a part says nothing beside that of a whole, nor beside another part; one that is
  // not plausible says nothing at all.
  const doubtful = [older, newer].some((one) => one !== null && !isComparable(one));
  const both = typeof older?.value === "number" && typeof newer?.value === "number" && !doubtful;
  return {
    label: named?.label ?? "",
    unit: named?.unit?.value ?? "",
    older,
    newer,
    difference: both ? (newer.value ?? 0) - (older.value ?? 0) : null,
    percent: both ? changePercent(newer.value ?? 0, older.value ?? 0) : null,
  };
}

/** The SEG instances that a version's findings point at. */
export function masksOf({ findings }: VersionPair, version: string): Set<string> {
  return new Set(
    findings.flatMap((one) =>
      one.pipeline_version === version && one.segmentation ? [one.segmentation.sop_instance_uid] : [],
    ),
  );
}
