"use client";

import { Section } from "@/features/reader/components/Section";
import { normalisations, thresholds, type Normalisation, type ThresholdName, type UptakeState } from "@/features/reader/hooks/measurements/useUptake";
import { suvCaveatText } from "@/dicom/pet/suvCaveats";
import type { Measurement } from "@/dicom/measurements/measurement";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";

/** SUVmax, SUVpeak and the metabolic volume of what circles on a PET mark, one by one and together. */
export function UptakePanel({ uptake, onGoTo }: { uptake: UptakeState; onGoTo: (circle: Measurement) => void }) {
  const { viewing: t } = useText();
  const { isPossible, threshold, setThreshold, normalisation, setNormalisation, factor, regions, total, caveats, problem } = uptake;
  if (!isPossible) return null;
  const isLean = normalisation !== "bw";
  // Without a lean body mass there is no value of it, rather than one of another kind.
  const scale = typeof factor === "number" ? factor : null;
  const scaled = (value: number | null) => (value === null || scale === null ? null : value * scale);
  return (
    <Section title={t.uptake.title}>
      {regions.length === 0 && <p className="text-xs text-dim">{t.uptake.hint}</p>}
      {regions.length > 0 && (
        <>
          {caveats.map((one) => suvCaveatText(one)).map((caveat) => (
            <p key={caveat} className="mb-1 text-xs text-warn" data-testid="uptake-caveat">
              {caveat}
            </p>
          ))}
          <label className="flex items-center gap-2 text-xs">
            {t.uptake.threshold}
            <select
              data-testid="uptake-threshold"
              className="control"
              value={threshold}
              onChange={(event) => {
                setThreshold(event.target.value as ThresholdName);
                event.target.blur();
              }}
            >
              {Object.keys(thresholds).map((name) => (
                <option key={name} value={name}>
                  {t.uptake.thresholds[name as ThresholdName]}
                </option>
              ))}
            </select>
          </label>
          <label className="mt-1 flex items-center gap-2 text-xs">
            {t.uptake.normalisedBy}
            <select
              data-testid="uptake-normalisation"
              className="control"
              value={normalisation}
              onChange={(event) => {
                setNormalisation(event.target.value as Normalisation);
                event.target.blur();
              }}
            >
              {normalisations.map((name) => (
                <option key={name} value={name}>
                  {t.uptake.normalisations[name]}
                </option>
              ))}
            </select>
          </label>
          {typeof factor === "string" && (
            <p role="alert" className="mt-1 text-xs text-warn" data-testid="lean-gap">
              {t.uptake.leanGaps[factor]}
            </p>
          )}
          <table className="mt-2 w-full text-right text-xs tabular-nums">
            <thead className="text-dim">
              <tr>
                <th scope="col" className="text-left font-medium">{t.uptake.region}</th>
                {[...t.uptake.heads[isLean ? "lean" : "weight"], t.uptake.volume, t.uptake.tlg].map((name) => (
                  <th key={name} scope="col" className="pl-2 font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {regions.map(({ circle, uptake: found }, index) => {
                const name = circle.label || t.uptake.regionNumber(index + 1);
                return (
                  <tr key={circle.trackingUid} data-testid="uptake-region" className="border-t border-line">
                    <th scope="row" className="max-w-24 py-0.5 text-left font-normal">
                      <button type="button" className="max-w-full truncate rounded hover:text-accent" title={t.goToOf(name)} onClick={() => onGoTo(circle)}>
                        {name}
                      </button>
                    </th>
                    {found ? (
                      [
                        { value: scaled(found.max), digits: 2 },
                        { value: scaled(found.peak), digits: 2 },
                        { value: found.volumeMl, digits: 2 },
                        { value: scaled(found.tlg), digits: 1 },
                      ].map(({ value, digits }, at) => (
                        <td key={at} className="pl-2" data-value={value ?? ""} title={value === null && scale !== null ? t.uptake.noPeak : undefined}>
                          {value === null ? "–" : fixed(value, digits)}
                        </td>
                      ))
                    ) : (
                      <td colSpan={4} className="pl-2 text-dim">
                        {t.uptake.nothing}
                      </td>
                    )}
                  </tr>
                );
              })}
            </tbody>
            {total && (
              <tfoot>
                <tr className="border-t border-line font-medium" data-testid="uptake-total">
                  <th scope="row" className="py-0.5 text-left font-medium" title={t.uptake.totalHint}>
                    {t.uptake.total}
                  </th>
                  <td />
                  <td />
                  <td className="pl-2" data-value={total.volumeMl}>
                    {fixed(total.volumeMl, 2)}
                  </td>
                  <td className="pl-2" data-value={scaled(total.tlg) ?? ""}>
                    {scale === null ? "–" : fixed(total.tlg * scale, 1)}
                  </td>
                </tr>
              </tfoot>
            )}
          </table>
          <p className="mt-2 text-xs text-dim">{`${normalisation === "bw" ? t.uptake.byWeight : t.uptake.leanMethods[normalisation]} ${t.uptake.method}`}</p>
        </>
      )}
      {problem && <ProblemNote problem={problem} />}
    </Section>
  );
}
