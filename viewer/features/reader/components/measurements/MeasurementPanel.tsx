"use client";

import { useState } from "react";
import { CalibratedImages } from "@/features/reader/components/measurements/CalibratedImages";
import { CalibrateDialog } from "@/features/reader/components/measurements/CalibrateDialog";
import { MeasuredCaveat } from "@/features/reader/components/measurements/MeasuredCaveat";
import { OthersMeasurements } from "@/features/reader/components/measurements/OthersMeasurements";
import { RatioPanel } from "@/features/reader/components/measurements/RatioPanel";
import { RegionHistogram } from "@/features/reader/components/measurements/RegionHistogram";
import { CopyButton } from "@/shared/components/CopyButton";
import type { RegionValues } from "@/cornerstone";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Section } from "@/features/reader/components/Section";
import type { KeyImageState } from "@/features/reader/hooks/measurements/useKeyImages";
import type { Measurements } from "@/features/reader/hooks/measurements/useMeasurements";
import type { MeasurementTexts } from "@/features/reader/hooks/measurements/useMeasurementTexts";
import { useText } from "@/shared/hooks/useText";
import { isSameProblem, type Problem } from "@/shared/api/problem";
import { measurementDragType } from "@/shared/lib/dragTypes";
import { levels } from "@/dicom/measurements/vertebrae";
import { caveatText, mostCharacters, summaryOf, type Measurement } from "@/dicom/measurements/measurement";

/** What was measured and marked: named, gone to, removed, saved. */
export function MeasurementPanel({
  measurements,
  keyImages,
  texts,
  valuesOf,
  onShowImage,
  imageProblem,
}: {
  measurements: Measurements;
  keyImages: KeyImageState;
  texts: MeasurementTexts;
  /** Of a region, while its image is loaded. */
  valuesOf: (one: Measurement) => RegionValues | null;
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
  /** Why an image that was asked for cannot be gone to. */
  imageProblem: Problem | null;
}) {
  const { viewing: t } = useText();
  const { list, others, changed, undrawn, saving, loaded, problem, reload } = measurements;
  const isMeasurable = list.every(({ obstacle }) => obstacle === null);
  const reloadAll = () => {
    reload?.();
    keyImages.reload();
  };
  if (list.length === 0 && others.length === 0 && !changed && undrawn === 0 && keyImages.images.length === 0 && !keyImages.problem && !problem) {
    return null;
  }
  return (
    <Section title={t.measurements}>
      <ul className="space-y-1.5" data-testid="measurements">
        {list.map((one) => (
          <MeasurementRow key={one.trackingUid} one={one} measurements={measurements} onInsert={texts.putMeasurement} valuesOf={valuesOf} />
        ))}
      </ul>
      <CalibratedImages measurements={measurements} />
      {list.length === 0 && <p className="text-dim">{loaded ? t.noneMeasured : t.notLoaded}</p>}
      {undrawn > 0 && (
        <p className="mt-1 text-xs text-warn" data-testid="undrawn-measurements">
          {t.inSpace(undrawn)}
        </p>
      )}
      <div className="mt-2 flex items-center gap-3">
        <button
          type="button"
          className="control enabled:border-accent"
          data-testid="save-measurements"
          data-saved={!changed && !saving}
          disabled={!changed || saving || !isMeasurable || !loaded}
          onClick={measurements.save}
        >
          {saving ? t.saving : t.saveMeasurements}
        </button>
        <button
          type="button"
          className="control"
          data-testid="measurements-csv"
          title={t.csvHint}
          disabled={list.length + others.length === 0}
          onClick={texts.download}
        >
          {t.csv}
        </button>
        <CopyButton text={texts.table} testId="measurements-copy" disabled={list.length + others.length === 0} />
        <span role="status" className="text-xs text-dim">
          {changed ? t.notSaved : loaded && t.saved}
        </span>
      </div>
      <RatioPanel list={list} onInsert={texts.putRatio} />
      {!isMeasurable && (
        <p role="status" className="mt-1 text-xs text-warn" data-testid="not-measurable">
          {t.removeNotMeasurable}
        </p>
      )}
      {problem && (
        <div className="mt-2">
          <ProblemNote problem={problem} onRetry={reload ? reloadAll : undefined} />
        </div>
      )}
      <OthersMeasurements measurements={measurements} onInsert={texts.putMeasurement} />
      {keyImages.images.length > 0 && (
        <>
          <h3 className="section-title mt-3 mb-1">{t.keyImages}</h3>
          <ul className="flex flex-wrap gap-1.5" data-testid="key-images">
            {keyImages.images.map(({ sop_instance_uid: uid, frame_number: frame }, index) => (
              <li key={`${uid} ${frame}`}>
                <button type="button" className="control px-2 py-0 text-xs" onClick={() => onShowImage(uid, frame ?? 1)}>
                  {t.keyImageNumber(index + 1)}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      {keyImages.problem && !isSameProblem(keyImages.problem, problem) && (
        <div className="mt-2">
          <ProblemNote problem={keyImages.problem} onRetry={keyImages.loaded ? undefined : reloadAll} />
        </div>
      )}
      {imageProblem && <ProblemNote problem={imageProblem} />}
    </Section>
  );
}

/** Characters that the panel has room for between a name and the buttons. */
const shortSummary = 10;

const regions: ReadonlySet<Measurement["kind"]> = new Set(["ellipse", "circle", "rectangle", "freehand"]);

function MeasurementRow({
  one,
  measurements,
  onInsert,
  valuesOf,
}: {
  one: Measurement;
  measurements: Measurements;
  onInsert: (one: Measurement) => void;
  valuesOf: (one: Measurement) => RegionValues | null;
}) {
  const { viewing: t } = useText();
  const [spreadOpen, setSpreadOpen] = useState(false);
  const [calibrating, setCalibrating] = useState(false);
  const isRegion = regions.has(one.kind) && (one.kind !== "freehand" || one.isClosed);
  const region = spreadOpen && isRegion ? valuesOf(one) : null;
  const name = one.label || t.kinds[one.kind];
  const summary = summaryOf(one);
  const withCaveat = [summary, caveatText(one)].filter(Boolean).join("; ");
  // Several numbers take a line of their own: beside the name they would be cut off.
  const hasRoomBeside = summary.length <= shortSummary;
  const isDoubtful = one.obstacle !== null || one.savedAs.length > 0;
  return (
    <li
      data-testid="measurement"
      data-kind={one.kind}
      data-tracking-uid={one.trackingUid}
      draggable={one.obstacle === null}
      onDragStart={(event) => {
        event.dataTransfer.setData(measurementDragType, one.trackingUid);
        event.dataTransfer.effectAllowed = "copy";
      }}
    >
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1.5">
      {one.kind === "vertebra" ? (
        <select
          aria-label={t.nameOf(t.kinds.vertebra)}
          className="control w-16 px-1.5 py-0 text-xs"
          value={one.label}
          onChange={(event) => measurements.rename(one.trackingUid, event.target.value)}
        >
          {levels.map((level) => (
            <option key={level}>{level}</option>
          ))}
        </select>
      ) : (
      <input
        aria-label={t.nameOf(t.kinds[one.kind])}
        className={`control min-w-0 px-1.5 py-0 text-xs ${one.kind === "text" ? "flex-3" : hasRoomBeside ? "w-28" : "flex-1"}`}
        title={one.kind === "text" ? one.label : undefined}
        placeholder={t.kinds[one.kind]}
        value={one.label}
        maxLength={mostCharacters(one.kind)}
        onChange={(event) => measurements.rename(one.trackingUid, event.target.value)}
      />
      )}
      <button
        type="button"
        className={`min-w-0 rounded text-left text-xs hover:text-accent ${isDoubtful ? "text-warn" : ""} ${hasRoomBeside ? "flex-1" : "order-last basis-full"}`}
        data-testid="measured-text"
        aria-label={`${t.goToOf(name)}, ${withCaveat}`}
        title={withCaveat}
        onClick={() => measurements.goTo(one)}
      >
        {summary || t.goTo}
      </button>
      {isRegion && (
        <button
          type="button"
          className="control px-1.5 py-0 text-xs aria-expanded:border-accent"
          data-testid="spread"
          aria-expanded={spreadOpen}
          aria-label={t.spread.histogramOf(name)}
          title={t.spread.histogramOf(name)}
          onClick={() => setSpreadOpen(!spreadOpen)}
        >
          <span aria-hidden="true">▂▅▃</span>
        </button>
      )}
      <button
        type="button"
        className="control px-1.5 py-0 text-xs whitespace-nowrap"
        data-testid="to-report"
        disabled={one.obstacle !== null}
        aria-label={t.toReportOf(name)}
        title={t.toReportOf(name)}
        onClick={() => onInsert(one)}
      >
        {t.toReport}
      </button>
      <button
        type="button"
        className="control px-1.5 py-0 text-xs"
        aria-label={t.removeOf(name)}
        onClick={() => measurements.remove(one.trackingUid)}
      >
        <span aria-hidden="true">×</span>
      </button>
      </div>
      <MeasuredCaveat one={one} />
      {measurements.mayCalibrate(one) && (
        <button
          type="button"
          className="control mt-0.5 px-1.5 py-0 text-xs"
          data-testid="calibrate-by-hand"
          aria-label={t.calibration.beginOf(name)}
          title={t.calibration.beginOf(name)}
          onClick={() => setCalibrating(true)}
        >
          {t.calibration.begin}
        </button>
      )}
      {calibrating && (
        <CalibrateDialog onLength={(lengthMm) => measurements.calibrate(one, lengthMm)} onClose={() => setCalibrating(false)} />
      )}
      {one.takenOver && (
        <p className="truncate text-xs text-dim" data-testid="taken-over">
          {t.ofOthers.takenFrom(one.takenOver.maker)}
        </p>
      )}
      {spreadOpen && isRegion && (region ? <RegionHistogram region={region} name={name} /> : <p className="text-xs text-dim">{t.spread.none}</p>)}
    </li>
  );
}
