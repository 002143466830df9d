"use client";

import { useState } from "react";
import type { LoadedSeries, Undrawable } from "@/lib/cornerstone";
import { renderedUrl } from "@/lib/dicomweb";

/** Over a frame that the browser cannot draw: why, and the node's own picture of it if it has one. */
export function StandIn({ series, undrawable }: { series: LoadedSeries; undrawable: Undrawable }) {
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
          The browser can’t draw this image{reason && `: ${reason.replace(/\.$/, "")}`}.
        </p>
        <p className="mt-1">{remedy(picture)}</p>
      </div>
      <div className="relative min-h-0">
        {picture !== "none" && (
          // Rendered by the node for this one place: nothing for next/image to do.
          // eslint-disable-next-line @next/next/no-img-element
          <img
            src={url}
            alt="The image as the node rendered it"
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

function remedy(picture: "loading" | "shown" | "none"): string {
  if (picture === "loading") return "Asking the node for a picture of it…";
  if (picture === "shown") {
    return "Below is the node’s own picture of it: its window is fixed, and nothing can be measured on it.";
  }
  return "The node can’t render it either. Ask the sender for it in Explicit VR Little Endian.";
}
