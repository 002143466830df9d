"use client";

import { placeBeside } from "@/features/studies/lib/previews";
import type { ShownPreview } from "@/features/studies/hooks/usePreview";

const pictureWidthPx = 136;
const heightPx = 168;

/** Pictures of a study over the list: beside its row, in nobody's way, moving nothing. */
export function StudyPreview({ shown: { row, x, pictures } }: { shown: ShownPreview }) {
  const width = pictures.length * pictureWidthPx + 12;
  const place = placeBeside(row, x, { width, height: heightPx }, { width: window.innerWidth, height: window.innerHeight });
  return (
    // What it shows is in the row in words, but for the pictures.
    <div
      aria-hidden="true"
      data-testid="study-preview"
      className="pointer-events-none fixed z-30 flex gap-2 rounded-lg border border-line-strong bg-panel p-2 shadow-xl"
      style={{ ...place, height: heightPx }}
    >
      {pictures.map(({ seriesInstanceUid, words, url }) => (
        <figure key={seriesInstanceUid} className="w-32">
          <span data-theme="dark" className="grid h-32 place-items-center overflow-hidden rounded bg-black">
            {/* A picture of the node's own, in memory: nothing for next/image to do. */}
            {/* eslint-disable-next-line @next/next/no-img-element */}
            <img src={url} alt="" className="max-h-32 max-w-full" />
          </span>
          <figcaption className="mt-0.5 truncate text-xs text-dim">{words}</figcaption>
        </figure>
      ))}
    </div>
  );
}
