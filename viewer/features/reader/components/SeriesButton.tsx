"use client";

import { useState } from "react";
import { seriesDragType } from "@/features/reader/components/stage/View";
import { useText } from "@/shared/hooks/useText";
import { thumbnailUrl } from "@/dicom/dicomweb";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import type { SeriesSummary } from "@/shared/api/types";

/** A series as a thumbnail: pressed, it opens in the active viewport; dragged, where it is dropped. */
export function SeriesButton({
  series,
  studyInstanceUid,
  active,
  open,
  ofOther,
  onOpen,
}: {
  series: SeriesSummary;
  studyInstanceUid: string;
  active: boolean;
  open: boolean;
  /** Whether its images name another patient than the study. */
  ofOther: boolean;
  onOpen: (ref: SeriesRef) => void;
}) {
  const { viewing: t } = useText();
  const [broken, setBroken] = useState(false);
  const { series_instance_uid: seriesInstanceUid } = series;
  return (
    <button
      type="button"
      aria-current={active ? "true" : undefined}
      data-testid="series-button"
      data-series={seriesInstanceUid}
      draggable
      onDragStart={(event) => {
        event.dataTransfer.setData(seriesDragType, `${studyInstanceUid} ${seriesInstanceUid}`);
        event.dataTransfer.effectAllowed = "copy";
      }}
      onClick={() => onOpen({ studyInstanceUid, seriesInstanceUid })}
      className={`block w-full rounded-md border p-1.5 text-left hover:border-line-strong aria-[current]:border-accent aria-[current]:bg-raised ${
        open ? "border-accent/50" : "border-line"
      }`}
    >
      <span data-theme="dark" className="grid h-28 w-full place-items-center overflow-hidden rounded bg-black max-lg:w-36">
        {broken ? (
          <span className="text-2xl font-semibold text-dim">{series.modality}</span>
        ) : (
          // A thumbnail of the node's own, already small: nothing for next/image to do.
          // eslint-disable-next-line @next/next/no-img-element
          <img
            src={thumbnailUrl(studyInstanceUid, seriesInstanceUid)}
            alt=""
            loading="lazy"
            draggable={false}
            className="max-h-28 max-w-full"
            onError={() => setBroken(true)}
          />
        )}
      </span>
      <span className="mt-1 block truncate text-xs font-medium" title={series.series_description}>
        {series.series_description || t.noDescription}
      </span>
      <span className="block text-xs text-dim">
        {series.modality} {series.series_number ?? ""} · {series.instance_count}
        {series.state === "receiving" && ` · ${t.receiving}`}
      </span>
      {ofOther && <span className="block text-xs text-warn">{t.otherPatient.named}</span>}
    </button>
  );
}
