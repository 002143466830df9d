"use client";

import { useMemo } from "react";
import { stationAt } from "@/dicom/curves/path";
import { axesAt, crossSection, type Sampled } from "@/dicom/curves/reformat";
import { edgeLetters, type Vector } from "@/dicom/geometry";
import type { ProjectedVolume } from "@/dicom/pet/projection";
import type { DrawnCurve } from "@/features/reader/hooks/curved/useCurved";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";
import { Picture, type ShownWindow } from "./Picture";

/** The plane perpendicular to the curve at the cursor. */
export function CrossSection({
  volume,
  curve: { lay, path, pixelMm },
  cursorMm,
  degrees,
  widthMm,
  shown,
}: {
  volume: ProjectedVolume;
  curve: DrawnCurve;
  cursorMm: number;
  degrees: number;
  widthMm: number;
  shown: ShownWindow | null;
}) {
  const { viewing } = useText();
  const { curved: t } = viewing;
  const station = useMemo(() => stationAt(path, cursorMm), [path, cursorMm]);
  const sampled = useMemo<Sampled | null>(
    () => station && crossSection(volume, station, degrees, widthMm, pixelMm),
    [volume, station, degrees, widthMm, pixelMm],
  );
  if (!station || !sampled) return null;
  const { across, behind } = axesAt(station, degrees);
  // A curve that runs to the right is seen along it with what is above it above.
  const letters = lay.runs === "down" ? edgeLetters(across, behind) : edgeLetters(behind, across.map((one) => -one) as Vector);
  const side = sampled.width * sampled.acrossMm;
  const [middle, arm] = [side / 2, side / 30];
  return (
    <div className="flex min-h-0 min-w-0 flex-col">
      <p className="text-xs text-ink" aria-hidden="true">{`${t.crossSection} · ${t.atMm(fixed(cursorMm, 1))}`}</p>
      <div
        role="img"
        aria-label={`${t.crossSection}, ${t.atMm(fixed(cursorMm, 1))}`}
        className="relative grid min-h-24 min-w-24 flex-1 place-items-center [container-type:size]"
        data-testid="cross-section"
        data-at-mm={cursorMm}
      >
        <Picture sampled={sampled} runs={lay.runs} shown={shown} letters={letters} testId="cross-section-picture">
          <path d={`M${middle - arm} ${middle}H${middle + arm}M${middle} ${middle - arm}V${middle + arm}`} fill="none" className="stroke-accent" opacity={0.8} vectorEffect="non-scaling-stroke" />
        </Picture>
      </div>
    </div>
  );
}
