import { useState } from "react";
import { fusionColors, type FusionColors } from "@/cornerstone";
import type { Fusion } from "@/features/reader/hooks/tools/useFusion";
import { useText } from "@/shared/hooks/useText";
import { glance, unitSymbol } from "@/shared/lib/format";

/** Which series lies over the planes, in which colours, how opaque, and up to which value. */
export function FusionControls({ fusion, studyInstanceUid }: { fusion: Fusion; studyInstanceUid: string }) {
  const { viewing: t } = useText();
  const { candidates, chosen, choose, refusal, look, setLook, suvFactor, realWorld } = fusion;
  // Of 0.003, "0.0" is no end of a range yet, and has to stay in the field.
  const [typed, setTyped] = useState<string | null>(null);
  if (candidates.length === 0) return null;
  // Of a falling map the upper end would be the lower one.
  const map = realWorld && realWorld.slope > 0 ? realWorld : null;
  const unit = suvFactor === null ? (map?.unit ?? fusion.unit) : "1";
  const slope = suvFactor ?? map?.slope ?? 1;
  const intercept = suvFactor === null ? (map?.intercept ?? 0) : 0;
  return (
    <div role="group" aria-label={t.fusion.title} className="flex items-center gap-1.5">
      <select
        aria-label={t.fusion.title}
        data-testid="fusion"
        className="control max-w-44"
        value={chosen?.seriesInstanceUid ?? ""}
        onChange={(event) => {
          const seriesInstanceUid = event.target.value;
          choose(seriesInstanceUid ? { studyInstanceUid, seriesInstanceUid } : null);
          event.target.blur();
        }}
      >
        <option value="">{t.fusion.none}</option>
        {candidates.map((one) => (
          <option key={one.series_instance_uid} value={one.series_instance_uid}>
            {t.fusion.with([one.modality, one.series_description].filter(Boolean).join(" "))}
          </option>
        ))}
      </select>
      {chosen && refusal && (
        <span role="status" className="max-w-96 text-xs text-warn" data-testid="fusion-refused">
          {t.fusion.refused(refusal)}
        </span>
      )}
      {chosen && look && (
        <>
          <select
            aria-label={t.fusion.colors}
            data-testid="fusion-colors"
            className="control"
            value={look.colors}
            onChange={(event) => {
              setLook({ ...look, colors: event.target.value as FusionColors });
              event.target.blur();
            }}
          >
            {fusionColors.map((name) => (
              <option key={name} value={name}>
                {t.fusion.colorNames[name]}
              </option>
            ))}
          </select>
          <input
            type="range"
            min={0}
            max={100}
            aria-label={t.fusion.opacity}
            title={t.fusion.opacity}
            data-testid="fusion-opacity"
            className="w-20 accent-accent"
            value={Math.round(look.opacity * 100)}
            onChange={(event) => setLook({ ...look, opacity: Number(event.target.value) / 100 })}
          />
          <label className="flex items-center gap-1 text-xs text-dim">
            {suvFactor !== null ? `${t.fusion.suv} ≤` : [map?.label ?? "", "≤"].join(" ").trim()}
            <input
              type="number"
              step={suvFactor === null ? "any" : 0.5}
              aria-label={t.fusion.upper}
              data-testid="fusion-upper"
              className="control w-24 text-ink"
              value={typed ?? glance(look.range.upper * slope + intercept)}
              onBlur={() => setTyped(null)}
              onChange={(event) => {
                setTyped(event.target.value);
                const upper = (Number(event.target.value) - intercept) / slope;
                if (upper > look.range.lower) setLook({ ...look, range: { ...look.range, upper } });
              }}
            />
            {unit !== "1" && unitSymbol(unit)}
          </label>
        </>
      )}
    </div>
  );
}
