"use client";

import { useCallback, useDeferredValue, useMemo, useSyncExternalStore } from "react";
import type { LoadedSeries } from "@/cornerstone";
import { straightened } from "@/dicom/curves/reformat";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";
import { CrossSection } from "./CrossSection";
import { CurvedControls } from "./CurvedControls";
import { CurvePoints } from "./CurvePoints";
import { Straightened } from "./Straightened";

/** Curved MPR: what lies along a curve through the planes, straightened, and across it. */
export function CurvedPane({ curved, series, views, className }: { curved: CurvedState; series: LoadedSeries; views: ViewStore; className: string }) {
  const { viewing } = useText();
  const { curved: t } = viewing;
  const windowKey = useCallback(() => {
    const info = views.get("axial").info;
    return info ? `${info.center} ${info.width} ${info.inverted}` : "";
  }, [views]);
  const key = useSyncExternalStore(views.subscribe, windowKey, () => "");
  const shown = useMemo(() => {
    if (key === "") return null;
    const [center = 0, width = 0] = key.split(" ").map(Number);
    return { lower: center - width / 2, upper: center + width / 2, inverted: key.endsWith("true") };
  }, [key]);
  const { curve, degrees, widthMm, slab, cursorMm, markMm } = curved;
  const { volume, isRead, problem } = curved.loaded;
  // A hand that drags goes ahead of what is computed.
  const asked = useMemo(() => ({ curve, degrees, widthMm, slab }), [curve, degrees, widthMm, slab]);
  const drawn = useDeferredValue(asked);
  const sampled = useMemo(
    () => (volume && drawn.curve ? straightened(volume, drawn.curve.path, { ...drawn, pixelMm: drawn.curve.pixelMm }) : null),
    [volume, drawn],
  );
  const isDown = drawn.curve?.lay.runs === "down";
  const lengthMm = curve?.path.lengthMm ?? null;
  const words =
    lengthMm === null || cursorMm === null
      ? isRead && !volume
        ? t.notPossible
        : isRead
          ? t.placeHint(curved.points.length)
          : viewing.loading
      : [t.length(fixed(lengthMm, 1)), t.cursor(fixed(cursorMm, 1)), ...(markMm === null ? [] : [t.fromMark(fixed(Math.abs(cursorMm - markMm), 1))])].join(" · ");
  return (
    <section aria-label={t.title} data-testid="curved" className={`relative flex min-h-96 min-w-0 flex-col gap-1 overflow-hidden bg-black p-1 ${className}`}>
      <CurvedControls curved={curved} />
      {volume && drawn.curve && sampled && (
        <div className={`flex min-h-0 flex-1 gap-1 ${isDown ? "" : "flex-col"}`}>
          <Straightened curved={curved} curve={drawn.curve} sampled={sampled} drawn={drawn} shown={shown} series={series} />
          {cursorMm !== null && (
            <div className={`grid ${isDown ? "w-2/5" : "h-2/5"}`}>
              <CrossSection volume={volume} curve={drawn.curve} cursorMm={cursorMm} degrees={drawn.degrees} widthMm={drawn.widthMm} shown={shown} />
            </div>
          )}
        </div>
      )}
      {problem && <ProblemNote problem={problem} />}
      <p role="status" data-testid="curved-status" className="text-xs text-ink">{words}</p>
      {curve && <p className="text-xs text-dim">{t.trueLengths}</p>}
      <CurvePoints curved={curved} />
    </section>
  );
}
