"use client";

import { useState } from "react";
import { FrameNotice } from "@/features/reader/components/stage/FrameNotice";
import { useFrameCause } from "@/features/reader/hooks/stage/useFrameCause";
import { useText } from "@/shared/hooks/useText";
import type { LoadedSeries, Undrawable } from "@/cornerstone";
import { frameUrl, holdsPixels, renderedUrl } from "@/dicom/dicomweb";

/** In place of a frame that is not there: why, what helps, and the node's own picture where only the browser fails. */
export function StandIn({
  series,
  undrawable,
  onRetry,
}: {
  series: LoadedSeries;
  undrawable: Undrawable;
  onRetry: () => void;
}) {
  const { common, viewing: t } = useText();
  const [picture, setPicture] = useState<"loading" | "shown" | "none">("loading");
  const { sopInstanceUid, frameNumber, sliceNumber, sliceCount, reason } = undrawable;
  const place = [series.studyInstanceUid, series.seriesInstanceUid, sopInstanceUid, frameNumber] as const;
  const asked = useFrameCause(frameUrl(...place), onRetry);
  const slice = series.order.slices.find((one) => one.sopInstanceUid === sopInstanceUid);
  const cause = asked === "gone" && slice && !holdsPixels(slice.dataset) ? "withoutPixels" : asked;
  const isUndecodable = cause === "undecodable";
  return (
    <div
      className="pointer-events-none absolute inset-0 grid grid-rows-[auto_1fr] bg-black"
      data-testid="stand-in"
      data-cause={cause ?? "asking"}
      data-picture={isUndecodable ? picture : ""}
    >
      {cause && (
        <FrameNotice
          what={isUndecodable ? t.undrawn(reason.replace(/\.$/, "")) : t.frameCauses[cause].what}
          helps={isUndecodable ? t.pictures[picture] : t.frameCauses[cause].helps}
        >
          {!isUndecodable && cause !== "withoutPixels" && (
            <button type="button" className="control pointer-events-auto mt-2" onClick={onRetry}>
              {common.tryAgain}
            </button>
          )}
        </FrameNotice>
      )}
      <div className="relative min-h-0">
        {isUndecodable && picture !== "none" && (
          // Rendered by the node for this one place: nothing for next/image to do.
          // eslint-disable-next-line @next/next/no-img-element
          <img
            src={renderedUrl(...place)}
            alt={t.nodePicture}
            className="absolute inset-0 size-full object-contain p-2"
            onLoad={() => setPicture("shown")}
            onError={() => setPicture("none")}
          />
        )}
      </div>
      <div className="absolute right-2.5 bottom-2.5 text-xs" data-testid="slice-text">
        {sliceNumber} / {sliceCount}
      </div>
    </div>
  );
}
