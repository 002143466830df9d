"use client";

import { useState } from "react";
import { thumbnailUrl } from "@/lib/dicomweb";
import { count } from "@/lib/format";
import { isImageSeries } from "@/lib/seg";
import type { SeriesSummary, StudyDetail } from "@/lib/types";

export function SeriesList({
  study,
  openUid,
  onOpen,
}: {
  study: StudyDetail;
  openUid: string | null;
  onOpen: (seriesInstanceUid: string) => void;
}) {
  const images = study.series.filter(isImageSeries);
  const others = study.series.filter((series) => !isImageSeries(series));
  return (
    <nav
      aria-label="Series"
      className="w-40 shrink-0 overflow-y-auto border-r border-line bg-panel p-2 max-lg:w-full max-lg:border-r-0 max-lg:border-b 2xl:w-44"
    >
      <h2 className="section-title mb-2 px-1">Series</h2>
      <ul className="space-y-2 max-lg:flex max-lg:gap-2 max-lg:space-y-0 max-lg:overflow-x-auto">
        {images.map((series) => (
          <li key={series.series_instance_uid}>
            <SeriesButton
              series={series}
              studyInstanceUid={study.study_instance_uid}
              open={series.series_instance_uid === openUid}
              onOpen={onOpen}
            />
          </li>
        ))}
      </ul>
      {images.length === 0 && <p className="px-1 text-xs text-dim">No images in this study.</p>}
      {others.length > 0 && (
        <>
          <h2 className="section-title mt-5 mb-2 px-1">Results and documents</h2>
          <ul className="space-y-2 px-1 text-xs">
            {others.map((series) => (
              <li key={series.series_instance_uid}>
                <span className="text-ink">
                  {series.modality} {series.series_description}
                </span>
                <div className="text-dim">
                  {count(series.instance_count, "instance")}
                  {series.origin === "generated" && ", made here"}
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </nav>
  );
}

function SeriesButton({
  series,
  studyInstanceUid,
  open,
  onOpen,
}: {
  series: SeriesSummary;
  studyInstanceUid: string;
  open: boolean;
  onOpen: (seriesInstanceUid: string) => void;
}) {
  const [broken, setBroken] = useState(false);
  return (
    <button
      type="button"
      aria-current={open ? "true" : undefined}
      data-testid="series-button"
      onClick={() => onOpen(series.series_instance_uid)}
      className="block w-full rounded-md border border-line p-1.5 text-left hover:border-line-strong aria-[current]:border-accent aria-[current]:bg-raised"
    >
      <span className="grid h-28 w-full place-items-center overflow-hidden rounded bg-black max-lg:w-36">
        {broken ? (
          <span className="text-2xl font-semibold text-dim">{series.modality}</span>
        ) : (
          // A thumbnail of the node's own, already small: nothing for next/image to do.
          // eslint-disable-next-line @next/next/no-img-element
          <img
            src={thumbnailUrl(studyInstanceUid, series.series_instance_uid)}
            alt=""
            className="max-h-28 max-w-full"
            onError={() => setBroken(true)}
          />
        )}
      </span>
      <span className="mt-1 block truncate text-xs font-medium" title={series.series_description}>
        {series.series_description || "No description"}
      </span>
      <span className="block text-xs text-dim">
        {series.modality} {series.series_number ?? ""} · {series.instance_count}
        {series.state === "RECEIVING" && " · receiving"}
      </span>
    </button>
  );
}
