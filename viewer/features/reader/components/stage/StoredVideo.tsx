"use client";

import { useState } from "react";
import { instanceFileUrl, instanceRenderedUrl } from "@/dicom/dicomweb";
import { useText } from "@/shared/hooks/useText";

/** A video as it is stored, played by the browser; what it cannot play is to be downloaded. */
export function StoredVideo({ place, name }: { place: readonly [string, string, string]; name: string }) {
  const { viewing: t } = useText();
  const [failed, setFailed] = useState(false);
  return (
    <div className="pointer-events-auto absolute inset-0 grid grid-rows-[1fr_auto] bg-black" data-testid="stored-video" data-failed={failed}>
      {failed ? (
        <div role="alert" className="m-3 self-start rounded-md border border-warn/50 bg-ground p-3">
          <p className="font-medium text-warn">{t.video.notPlayed}</p>
          <a className="control mt-2 inline-block" href={instanceFileUrl(...place)} download>
            {t.document.download}
          </a>
        </div>
      ) : (
        <video
          controls
          preload="metadata"
          aria-label={name}
          className="size-full min-h-0 object-contain"
          src={instanceRenderedUrl(...place)}
          onError={() => setFailed(true)}
          // Space and arrows are the player's own while it has the focus.
          onKeyDown={(event) => event.stopPropagation()}
        />
      )}
      {!failed && <p className="p-2 text-xs text-dim">{t.video.note}</p>}
    </div>
  );
}
