"use client";

import { useState } from "react";
import { Section } from "@/features/reader/components/Section";
import type { MaskControls } from "@/features/reader/hooks/masks/useMaskControls";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import type { LoadedMask } from "@/cornerstone";
import { isComparable, statedText, valueText } from "@/shared/lib/feedback";
import { findingValue } from "@/shared/lib/format";
import type { Finding } from "@/shared/api/types";
import { compareVersions, masksOf, versionPairs, type VersionPair, type VersionRow } from "@/features/reader/lib/findings/versions";

/** What two versions of a pipeline state side by side, and their masks one over the other. */
export function VersionComparison({
  findings,
  masks,
  controls,
}: {
  findings: readonly Finding[];
  masks: readonly LoadedMask[];
  controls: MaskControls;
}) {
  const { reader: t } = useText();
  const pairs = versionPairs(findings);
  if (pairs.length === 0) return null;
  return (
    <Section title={t.compareVersions}>
      {pairs.map((pair) => (
        <Pair key={pair.key} pair={pair} masks={masks} controls={controls} />
      ))}
    </Section>
  );
}

function Pair({
  pair,
  masks,
  controls,
}: {
  pair: VersionPair;
  masks: readonly LoadedMask[];
  controls: MaskControls;
}) {
  const { reader: t } = useText();
  const titles = usePipelineTitles();
  const [chosen, setChosen] = useState<[string, string]>([pair.versions.at(-2) ?? "", pair.versions.at(-1) ?? ""]);
  const [older, newer] = chosen;
  const of = (version: string) => masks.filter((mask) => masksOf(pair, version).has(mask.sopInstanceUid));
  const show = (which: "older" | "newer" | "both") => {
    for (const [version, name] of [[older, "older"], [newer, "newer"]] as const) {
      for (const mask of of(version)) {
        // The older one as an outline over the newer one's fill: where they part is seen.
        const outlined = which === "both" && name === "older";
        controls.setMaskStyle(mask, outlined ? { ...controls.style, fill: false, outline: true } : controls.style);
        const seen = which === "both" || which === name;
        for (const { segmentNumber } of mask.segments) controls.setVisible(mask, segmentNumber, seen);
      }
    }
  };
  const drawn = of(older).length > 0 && of(newer).length > 0;
  const title = titles.of(pair.pipeline);
  return (
    <div data-testid="version-comparison" className="mb-3 last:mb-0">
      <p className="font-medium">{title}</p>
      <table className="mt-1 w-full border-collapse text-right text-[0.8125rem]" aria-label={t.versionsOf(title)}>
        <thead className="text-xs text-dim">
          <tr>
            <th scope="col" className="text-left font-normal">
              {t.structure}
            </th>
            {chosen.map((version, place) => (
              <th key={place} scope="col" className="font-normal">
                <VersionChoice
                  label={place === 0 ? t.olderVersion : t.newerVersion}
                  versions={pair.versions}
                  chosen={version}
                  onChoose={(next) => setChosen(place === 0 ? [next, newer] : [older, next])}
                />
              </th>
            ))}
            <th scope="col" className="font-normal">
              {t.difference}
            </th>
          </tr>
        </thead>
        <tbody>
          {compareVersions(pair, older, newer).map((row) => (
            <Row key={`${row.label} ${row.unit}`} row={row} />
          ))}
        </tbody>
      </table>
      {drawn && (
        <div role="group" aria-label={t.masksOfVersions} className="mt-2 flex flex-wrap gap-1.5">
          <button type="button" className="control px-2 py-0.5 text-xs" onClick={() => show("older")}>
            {t.maskOf(older)}
          </button>
          <button type="button" className="control px-2 py-0.5 text-xs" onClick={() => show("newer")}>
            {t.maskOf(newer)}
          </button>
          <button type="button" className="control px-2 py-0.5 text-xs" onClick={() => show("both")}>
            {t.bothMasks(older)}
          </button>
        </div>
      )}
    </div>
  );
}

function VersionChoice({
  label,
  versions,
  chosen,
  onChoose,
}: {
  label: string;
  versions: readonly string[];
  chosen: string;
  onChoose: (version: string) => void;
}) {
  if (versions.length === 2) return chosen;
  return (
    <select aria-label={label} className="control px-1 py-0" value={chosen} onChange={(event) => onChoose(event.target.value)}>
      {versions.map((version) => (
        <option key={version}>{version}</option>
      ))}
    </select>
  );
}

function Row({ row: { label, unit, older, newer, difference, percent } }: { row: VersionRow }) {
  const value = (finding: Finding | null) =>
    finding?.value === null || finding === null
      ? "–"
      : !isComparable(finding)
        ? statedText(finding)
        : findingValue(finding.value, unit);
  const sign = (of: number) => (of < 0 ? "−" : "+");
  return (
    <tr className="border-t border-line">
      <th scope="row" className="py-0.5 pr-1 text-left font-normal" lang="en">
        {label}
      </th>
      <td>{value(older)}</td>
      <td>{value(newer)}</td>
      <td className="whitespace-nowrap">
        {difference === null ? "–" : `${sign(difference)}${valueText(Math.abs(difference), unit)}`}
        {percent !== null && (
          <span className="block text-xs text-dim">
            {sign(percent)}
            {findingValue(Math.abs(percent), "")} %
          </span>
        )}
      </td>
    </tr>
  );
}
