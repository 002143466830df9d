"use client";

import { useState } from "react";
import { useText } from "@/hooks/useText";
import type { LoadedSeries, Undrawable } from "@/lib/cornerstone";
import { renderedUrl } from "@/lib/dicomweb";

/** Over a frame that the browser cannot draw: why, and the node's own picture of it if it has one. */
export function StandIn({ series, undrawable }: { series: LoadedSeries; undrawable: Undrawable }) {
  const { viewing: t } = useText();
  const [picture, setPicture] = useState<"loading" | "shown" | "none">("loading");
  const { sopInstanceUid, frameNumber, sliceNumber, sliceCount, reason } = undrawable;
  const url = renderedUrl(series.studyInstanceUid, series.seriesInstanceUid, sopInstanceUid, frameNumber);
  return (
    <div
      className="pointer-events-none absolute inset-0 grid grid-rows-[auto_1fr] bg-black"
      data-testid="stand-in"
      data-picture={picture}
    >
      <div role="alert" className="m-3 rounded-md border border-warn/50 bg-ground p-3">
        <p className="font-medium text-warn">
          {t.undrawn(reason.replace(/\.$/, ""))}
        </p>
        <p className="mt-1">{t.pictures[picture]}</p>
      </div>
      <div className="relative min-h-0">
        {picture !== "none" && (
          // Rendered by the node for this one place: nothing for next/image to do.
          // eslint-disable-next-line @next/next/no-img-element
          <img
            src={url}
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
