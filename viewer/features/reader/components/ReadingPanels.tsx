"use client";

import { DosePanel } from "@/features/reader/components/dose/DosePanel";
import { VersionComparison } from "@/features/reader/components/findings/VersionComparison";
import { ClickPanel } from "@/features/reader/components/masks/ClickPanel";
import { ContourPanel } from "@/features/reader/components/masks/ContourPanel";
import { DrawPanel } from "@/features/reader/components/masks/DrawPanel";
import { MaskEditBar } from "@/features/reader/components/masks/MaskEditBar";
import { MaskPanel } from "@/features/reader/components/masks/MaskPanel";
import { AxisCurvePanel } from "@/features/reader/components/measurements/AxisCurvePanel";
import { MeasurementPanel } from "@/features/reader/components/measurements/MeasurementPanel";
import { UptakePanel } from "@/features/reader/components/measurements/UptakePanel";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import type { Reading } from "@/features/reader/hooks/useReading";
import { instancesOfOthers, uncheckedInstances } from "@/features/reader/lib/studies/otherPatients";
import { regionValues, type LoadedMask } from "@/cornerstone";
import type { DrawnSegmentation, Finding, StudyDetail } from "@/shared/api/types";

/** What was measured, drawn and computed on the images, below the findings. */
export function ReadingPanels({
  study,
  findings,
  reader,
  reading,
}: {
  study: StudyDetail;
  findings: readonly Finding[];
  reader: ReaderState;
  reading: Reading;
}) {
  const { clicking, controls, curves, drawing, keyImages, maskEditing, measurements, slice, texts, uptake } = reading;
  const { layout, series } = reader;
  const { goTo } = reader.goingTo;
  return (
    <>
      <MeasurementPanel
        measurements={measurements}
        keyImages={keyImages}
        texts={texts}
        valuesOf={(one) => regionValues(one, reader.opened)}
        onShowImage={goTo}
        imageProblem={reader.goingTo.problem}
      />
      <UptakePanel uptake={uptake} onGoTo={measurements.goTo} />
      <AxisCurvePanel curves={curves} slice={slice} series={series} />
      <VersionComparison findings={findings} masks={reader.masks.masks} controls={controls} />
      <MaskPanel
        masks={reader.masks}
        controls={controls}
        onShow={reader.showSegment}
        onCopy={drawing.open || drawing.refusal || maskEditing.editing ? null : drawing.beginFrom}
      />
      <ContourPanel
        structureSets={reader.structureSets}
        series={series}
        layout={layout}
        onShowImage={goTo}
      />
      <DosePanel
        dose={reader.dose}
        structureSets={reader.structureSets}
        series={series}
        layout={layout}
        isOfOther={(uid) => `${instancesOfOthers(study)}\n${uncheckedInstances(study)}`.split("\n").includes(uid)}
      />
      {/* The left button can do one of the two. */}
      {!maskEditing.editing && <ClickPanel state={clicking} modality={series?.modality ?? ""} masks={reader.masks.masks} />}
      {!maskEditing.editing && <DrawPanel state={drawing} series={series} saved={reader.masks.drawn} />}
      {clicking.phase === "off" && !drawing.open && (
        <MaskEditBar masks={reader.masks.masks.filter((one) => !isDrawn(one, reader.masks.drawn))} state={maskEditing} />
      )}
    </>
  );
}

/** What a reader drew goes on in its own panel. */
function isDrawn({ sopInstanceUid }: LoadedMask, drawn: readonly DrawnSegmentation[]): boolean {
  return drawn.some((one) => one.sop_instance_uid === sopInstanceUid);
}
