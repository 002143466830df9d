"use client";

import type { ReactNode } from "react";
import { ResultList } from "@/features/reader/components/ResultList";
import { SeriesButton } from "@/features/reader/components/SeriesButton";
import { useText } from "@/shared/hooks/useText";
import { dateText } from "@/shared/lib/format";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import { seriesOfOthers } from "@/features/reader/lib/studies/otherPatients";
import { relationOf, relationText } from "@/features/reader/lib/studies/otherStudies";
import { isImageSeries } from "@/dicom/segmentation/seg";
import { imageModalities } from "@/features/studies/lib/studyListColumns";
import type { StudyDetail } from "@/shared/api/types";

/** The series of the study as thumbnails, and below them those of the patient's other studies. */
export function SeriesList({
  study,
  others: otherStudies,
  otherPersons,
  openUids,
  activeUid,
  onOpen,
  onShowImage,
  children,
}: {
  study: StudyDetail;
  /** The patient's other studies, earlier and later, the newest first. */
  others: readonly StudyDetail[];
  /** How many studies stand under the same patient ID and are of another person. */
  otherPersons: number;
  /** The series that stand in some viewport. */
  openUids: ReadonlySet<string>;
  activeUid: string | null;
  onOpen: (ref: SeriesRef) => void;
  /** Goes to an image that a document names. */
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
  children?: ReactNode;
}) {
  const { viewing: t } = useText();
  const images = study.series.filter(isImageSeries);
  const others = study.series.filter((one) => !isImageSeries(one) && one.modality !== "PR");
  const buttons = (of: StudyDetail) =>
    of.series.filter(isImageSeries).map((series) => (
      <li key={series.series_instance_uid}>
        <SeriesButton
          series={series}
          studyInstanceUid={of.study_instance_uid}
          active={series.series_instance_uid === activeUid}
          ofOther={seriesOfOthers(of).has(series.series_instance_uid)}
          open={openUids.has(series.series_instance_uid)}
          onOpen={onOpen}
        />
      </li>
    ));
  const listClass = "space-y-2 max-lg:flex max-lg:gap-2 max-lg:space-y-0 max-lg:overflow-x-auto";
  return (
    <nav
      aria-label={t.series}
      className="min-h-0 flex-1 overflow-y-auto p-2 max-lg:border-b max-lg:border-line"
    >
      <h2 className="section-title mb-2 px-1">{t.series}</h2>
      <ul className={listClass}>{buttons(study)}</ul>
      {images.length === 0 && <p className="px-1 text-xs text-dim">{t.noImages}</p>}
      {children}
      <ResultList
        studyInstanceUid={study.study_instance_uid}
        series={others}
        ofOthers={seriesOfOthers(study)}
        isAlone={images.length === 0}
        onShowImage={onShowImage}
      />
      {otherStudies.length > 0 && (
        <>
          <h2 className="section-title mt-5 mb-2 px-1">{t.otherStudies}</h2>
          {otherStudies.map((other, index) => (
            <details
              key={other.study_instance_uid}
              open={index === 0}
              className="mb-2"
              data-testid="other-study"
              data-relation={relationOf(other, study)}
            >
              <summary className="rounded px-1 text-xs">
                {dateText(other.study_date) || t.noDate}
                {other.study_date && <span className="ml-1.5 inline-block text-dim">{relationText(other, study)}</span>}
                <span className="block truncate text-dim" title={other.study_description}>
                  {other.study_description || imageModalities(other.modalities).join(", ")}
                </span>
              </summary>
              <ul className={`mt-1 ${listClass}`}>{buttons(other)}</ul>
            </details>
          ))}
        </>
      )}
      {otherPersons > 0 && (
        <p className="mt-2 px-1 text-xs text-warn" data-testid="other-persons">
          {t.otherPersons(otherPersons)}
        </p>
      )}
    </nav>
  );
}
