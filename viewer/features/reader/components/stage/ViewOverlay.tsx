import type { ReactNode } from "react";
import { ScaleBar } from "@/features/reader/components/measurements/ScaleBar";
import { text } from "@/shared/i18n";
import { useText } from "@/shared/hooks/useText";
import { isTrueSize } from "@/dicom/calibration/trueSize";
import type { LoadedSeries, ViewInfo } from "@/cornerstone";
import { dateText, decimal, fixed, personName } from "@/shared/lib/format";
import { techniqueOf } from "@/dicom/display/technique";
import type { Subtraction } from "@/dicom/display/subtraction";
import { imageNumberOf } from "@/dicom/geometry";
import { viewText } from "@/dicom/imageView";
import { areOriented, edgeLettersOf, patientOrientationOf } from "@/dicom/patientOrientation";
import { placeLines } from "@/features/reader/lib/planeText";
import { useScreenMmPerPixel } from "@/features/reader/hooks/tools/useTrueSize";
import { shownWindowText } from "@/features/reader/lib/stage/shownWindowText";
import { shownMmPerPixel } from "@/features/reader/lib/measurements/scale";
import { warningsOf } from "@/features/reader/lib/imageWarnings";
import type { StudyDetail } from "@/shared/api/types";

/** The number of what is shown: of the cut, of the image, or of the place and of the image there. */
function placeText({ isReformat, sliceNumber, sliceCount }: ViewInfo, series: LoadedSeries | null): string {
  const { viewing: t } = text();
  if (isReformat) return t.reformat(sliceNumber, sliceCount);
  const axis = series?.order.axis;
  if (!axis) return `${sliceNumber} / ${sliceCount}`;
  const index = sliceNumber - 1;
  return t.axis.place(Math.floor(index / axis.steps) + 1, sliceCount / axis.steps, (index % axis.steps) + 1, axis.steps);
}

/** The number that the image has in every other viewer, where the place in the stack is another one. */
function imageText({ isReformat, sliceNumber }: ViewInfo, series: LoadedSeries | null): string {
  const number = isReformat ? null : imageNumberOf(series?.order.slices[sliceNumber - 1]?.dataset);
  return number === null || number === sliceNumber ? "" : text().viewing.imageNumbered(number);
}

/**
 * The text over a viewport: whose image it is, how it is shown, and what to beware of. Letters and texts share one grid,
 * so that many warnings in a small viewport push a letter aside instead of lying under it.
 */
export function ViewOverlay({
  info,
  title,
  study,
  description,
  otherStudyMark,
  withPatient,
  series,
  subtraction,
  missing,
  beyondMm,
  cursorValue,
}: {
  info: ViewInfo;
  title: string;
  study: StudyDetail;
  description: string;
  otherStudyMark: string;
  withPatient: boolean;
  series: LoadedSeries | null;
  /** The mask that is subtracted; null for images as they are. */
  subtraction: Subtraction | null;
  /** What a cut through the volume is drawn from while images are missing; null where all are in. */
  missing: { loaded: number; total: number } | null;
  /** How far the nearest slice of a linked stack lies from the place that the others show; null where it shows it. */
  beyondMm: number | null;
  /** A line of its own above the others of its corner, which has as many as there are warnings. */
  cursorValue: ReactNode;
}) {
  const { viewing: t } = useText();
  const slice = series?.order.slices[info.isReformat ? 0 : info.sliceNumber - 1] ?? series?.order.slices[0];
  const view = slice ? viewText(slice.dataset, slice.frameNumber) : "";
  const oriented = series !== null && areOriented(series.order.slices);
  // A projection has no place in the patient; its header may say how it lies all the same.
  const projected = !oriented && slice && info.imageMatrix ? patientOrientationOf(slice.dataset) : null;
  const letters = oriented ? info.letters : projected && info.imageMatrix ? edgeLettersOf(projected, info.imageMatrix) : null;
  const mmPerPixel = shownMmPerPixel(info, series);
  const screenMm = useScreenMmPerPixel();
  const letter = "font-semibold text-warn";
  return (
    <div
      className="pointer-events-none absolute inset-0 grid grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)] grid-rows-[minmax(0,1fr)_auto_minmax(min-content,1fr)] content-end gap-x-2 p-2.5 text-xs leading-tight text-ink select-none [text-shadow:1px_0_#000,-1px_0_#000,0_1px_#000,0_-1px_#000,0_0_4px_#000]"
      aria-hidden="true"
    >
      {withPatient && (
        <div className="col-start-1 row-start-1 min-w-0">
          <div className="truncate">{personName(study.patient_name)}</div>
          <div className="truncate">{study.patient_id}</div>
          {otherStudyMark && (
            <div className="mt-0.5 font-semibold text-warn" data-testid="other-study-mark">{otherStudyMark}</div>
          )}
        </div>
      )}
      <div className="col-start-3 row-start-1 min-w-0 text-right">
        {title && <div className="font-semibold">{title}</div>}
        {withPatient && (
          <>
            <div>{dateText(study.study_date)}</div>
            <div className="truncate">{description}</div>
          </>
        )}
        {view && (
          <div className="font-semibold" data-testid="image-view">
            {view}
          </div>
        )}
        {slice &&
          techniqueOf(slice.dataset).map((line) => (
            <div key={line} data-testid="technique">
              {line}
            </div>
          ))}
      </div>
      <div className="col-start-1 row-start-3 min-w-0 self-end">
        {cursorValue}
        <div data-testid="window-text">
          {shownWindowText(info, slice?.dataset)}
          {info.inverted && ` ${t.inverted}`}
        </div>
        <div data-testid="zoom-text">
          {t.zoomBy(fixed(info.zoom, 2))}
          {mmPerPixel !== null && screenMm !== null && isTrueSize(mmPerPixel, screenMm) && ` · ${t.trueSize.shown}`}
        </div>
        {subtraction && (
          <div className="text-warn" data-testid="subtracted">
            {t.subtraction.drawn(
              subtraction.backBy > 0 ? `−${subtraction.backBy}` : subtraction.maskFrames.join(", "),
              decimal(subtraction.right),
              decimal(subtraction.down),
            )}
          </div>
        )}
        {missing && (
          <div className="text-warn" data-testid="volume-partial">
            {t.volumePartial(missing.loaded, missing.total)}
          </div>
        )}
        {beyondMm !== null && !info.isReformat && (
          <div className="text-warn" data-testid="beyond">
            {t.beyond(fixed(beyondMm, 1))}
          </div>
        )}
        {slice &&
          warningsOf(slice.dataset).map((warning) => (
            <div key={warning} className="text-warn" data-testid="image-warning">
              {warning}
            </div>
          ))}
      </div>
      <div className="col-start-3 row-start-3 min-w-0 self-end text-right">
        {mmPerPixel !== null && <ScaleBar mmPerPixel={mmPerPixel} />}
        {info.plane &&
          placeLines(info.plane).map((line) => (
            <div key={line} data-testid="plane-place">
              {line}
            </div>
          ))}
        <div data-testid="slice-text">
          {placeText(info, series)}
        </div>
        <div data-testid="image-number">{imageText(info, series)}</div>
      </div>
      {letters && (
        <>
          <span data-testid="letter-top" className={`${letter} col-start-2 row-start-1`}>{letters.top}</span>
          <span data-testid="letter-bottom" className={`${letter} col-start-2 row-start-3 self-end`}>{letters.bottom}</span>
          <span data-testid="letter-left" className={`${letter} col-start-1 row-start-2`}>{letters.left}</span>
          <span data-testid="letter-right" className={`${letter} col-start-3 row-start-2 justify-self-end`}>{letters.right}</span>
        </>
      )}
    </div>
  );
}
