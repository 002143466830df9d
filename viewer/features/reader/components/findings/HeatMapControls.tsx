"use client";

import { useId } from "react";
import { pictureOf, type HeatMaps } from "@/features/reader/hooks/findings/useHeatMaps";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";
import type { Finding } from "@/shared/api/types";

/** The heat maps of what one pipeline found: each is turned on, and says what it is and what it is not. */
export function HeatMapControls({
  findings,
  heatMaps,
  onGoTo,
}: {
  findings: readonly Finding[];
  heatMaps: HeatMaps;
  /** Shows the image, or the frame, that a heat map is of. */
  onGoTo: (finding: Finding) => void;
}) {
  const { viewing: t } = useText();
  const heated = findings.filter(({ heat_map: heatMap }) => heatMap);
  if (heated.length === 0) return null;
  const isAnyOn = heated.some(heatMaps.isShown);
  return (
    <div className="mt-1 space-y-1 text-xs" data-testid="heat-map-controls">
      {heated.map((finding) => (
        <HeatMapRow
          key={finding.finding_id}
          finding={finding}
          isOn={heatMaps.isShown(finding)}
          opacity={heatMaps.opacity}
          onToggle={() => {
            heatMaps.toggle(finding);
            if (!heatMaps.isShown(finding)) onGoTo(finding);
          }}
        />
      ))}
      {isAnyOn && (
        <label className="flex items-center gap-3">
          <span className="text-dim">{t.heatMaps.opacity}</span>
          <input
            type="range"
            min={0}
            max={100}
            data-testid="heat-map-opacity"
            className="flex-1 accent-accent"
            value={Math.round(heatMaps.opacity * 100)}
            onChange={(event) => heatMaps.setOpacity(Number(event.target.value) / 100)}
          />
          <span className="w-10 text-right">{Math.round(heatMaps.opacity * 100)} %</span>
        </label>
      )}
    </div>
  );
}

function HeatMapRow({ finding, isOn, opacity, onToggle }: { finding: Finding; isOn: boolean; opacity: number; onToggle: () => void }) {
  const { viewing: t } = useText();
  const legend = useId();
  const { heat_map: heatMap, label, pipeline, pipeline_version: version } = finding;
  if (!heatMap) return null;
  const { most } = pictureOf(heatMap);
  const isOcclusion = heatMap.method === "occlusion";
  const top = isOcclusion ? t.heatMaps.points(fixed(most * 100, 1)) : fixed(most, 2);
  return (
    <div>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          data-testid="heat-map-toggle"
          className="size-4 accent-accent"
          aria-describedby={isOn ? legend : undefined}
          checked={isOn}
          onChange={onToggle}
        />
        {t.heatMaps.of(label, heatMap.frame_number)}
      </label>
      {isOn && (
        <div id={legend} role="status" data-testid="heat-map-legend" className="mt-1 ml-6 space-y-1 text-dim">
          {most > 0 ? (
            <p className="flex items-center gap-2">
              0
              <span
                aria-hidden="true"
                className="h-2 w-20 rounded-sm border border-line"
                style={{ background: `linear-gradient(to right, transparent, rgb(255 0 0 / ${opacity}))` }}
              />
              {top}
            </p>
          ) : (
            <p className="text-warn">{t.heatMaps.nothing(label)}</p>
          )}
          <p>{isOcclusion ? t.heatMaps.meaning(label) : t.heatMaps.byModel(label, heatMap.meaning)}</p>
          <p className="text-warn">{t.heatMaps.caution}</p>
          <p>
            {t.heatMaps.unverified} · {pipeline} {version}
          </p>
        </div>
      )}
    </div>
  );
}
