"use client";

import { Answer } from "@/shared/components/parts";
import { Dialog } from "@/shared/components/Dialog";
import { ContentTree } from "@/features/reader/components/ContentTree";
import { Waveforms } from "@/features/reader/components/documents/Waveforms";
import { RoiFacts } from "@/features/reader/components/RoiFacts";
import { SegmentFacts } from "@/features/reader/components/SegmentFacts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import {
  encapsulatedText,
  instanceFileUrl,
  instanceRenderedUrl,
  numbersOf,
  renderedUrl,
  retrieveSeriesMetadata,
  stringOf,
  type DicomJson,
} from "@/dicom/dicomweb";
import { doseFacts, planFacts } from "@/features/reader/lib/radiotherapy";
import { contentTree, documentFlags, documentTitle } from "@/features/reader/lib/contentTree";
import { waveformGroupsOf } from "@/dicom/waveform";
import type { SeriesSummary } from "@/shared/api/types";

/** Kinds of objects without content items whose contents are listed. */
const described = new Set(["SEG", "RTSTRUCT", "RTDOSE"]);
/** What has pixels that are no picture. */
const withPixels = new Set(["SEG", "RTDOSE"]);

/** A result or document of the study, opened: read here where it can be, and to be downloaded in any case. */
export function ResultDialog({
  studyInstanceUid,
  series,
  onShowImage,
  onClose,
}: {
  studyInstanceUid: string;
  series: SeriesSummary;
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
  onClose: () => void;
}) {
  const uid = series.series_instance_uid;
  const fetched = useFetched((signal) => retrieveSeriesMetadata(studyInstanceUid, uid, signal), uid);
  return (
    <Dialog
      title={[series.modality, series.series_description].filter(Boolean).join(" · ")}
      testId="result-dialog"
      wide
      onClose={onClose}
    >
      <Answer fetched={fetched}>
        {(datasets) => (
          <div className="space-y-5">
            {datasets.map((dataset) => (
              <Result
                key={stringOf(dataset, "00080018")}
                dataset={dataset}
                studyInstanceUid={studyInstanceUid}
                series={series}
                onShowImage={(sop, frame) => {
                  onClose();
                  onShowImage(sop, frame);
                }}
              />
            ))}
          </div>
        )}
      </Answer>
    </Dialog>
  );
}

function Result({
  dataset,
  studyInstanceUid,
  series,
  onShowImage,
}: {
  dataset: DicomJson;
  studyInstanceUid: string;
  series: SeriesSummary;
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
}) {
  const { viewing: t } = useText();
  const place = [studyInstanceUid, series.series_instance_uid, stringOf(dataset, "00080018")] as const;
  const mimeType = stringOf(dataset, "00420012").toLowerCase();
  const isDocument = dataset["00420011"] !== undefined || mimeType !== "";
  const isPdf = isDocument && (mimeType === "application/pdf" || mimeType === "");
  const items = itemsOfResult(series.modality, dataset);
  const hasWaveform = waveformGroupsOf(dataset).length > 0;
  // A tracing that was sent as a picture. A dose is no picture.
  const [rows] = numbersOf(dataset, "00280010");
  const isPicture = rows !== undefined && !hasWaveform && !isDocument && !withPixels.has(series.modality);
  const flags = documentFlags(dataset);
  return (
    <article data-testid="result">
      <header className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <h3 className="font-medium">{documentTitle(dataset) || series.modality}</h3>
        <span className="text-xs text-dim">{flags.join(", ")}</span>
        <span className="ml-auto flex gap-2">
          {isPdf && (
            <a className="control" href={instanceRenderedUrl(...place)} target="_blank" rel="noreferrer">
              {t.document.openPdf}
            </a>
          )}
          <a className="control" href={instanceFileUrl(...place)} download>
            {t.document.download}
          </a>
        </span>
      </header>
      <div className="mt-2">
        {items.length > 0 && <ContentTree items={items} onShowImage={onShowImage} />}
        {series.modality === "SEG" && <SegmentFacts dataset={dataset} />}
        {series.modality === "RTSTRUCT" && <RoiFacts dataset={dataset} />}
        {isDocument && !isPdf && <EncapsulatedText place={place} mimeType={mimeType} />}
        {series.modality === "RTDOSE" && <p className="text-dim">{t.dose.drawnBeside}</p>}
        {hasWaveform && <Waveforms dataset={dataset} />}
        {/* A picture of the node’s own: nothing for next/image to do. */}
        {/* eslint-disable-next-line @next/next/no-img-element */}
        {isPicture && <img className="max-w-full" src={renderedUrl(...place, 1)} alt={t.nodePicture} />}
        {items.length === 0 && !isDocument && !hasWaveform && !isPicture && !described.has(series.modality) && (
          <p className="text-dim">{t.document.notShown(series.modality)}</p>
        )}
      </div>
    </article>
  );
}

function itemsOfResult(modality: string, dataset: DicomJson) {
  if (modality === "RTPLAN") return planFacts(dataset);
  return modality === "RTDOSE" ? doseFacts(dataset) : contentTree(dataset);
}

/** The words of an encapsulated CDA or other XML; anything else is for another program. */
function EncapsulatedText({ place, mimeType }: { place: readonly [string, string, string]; mimeType: string }) {
  const { viewing: t } = useText();
  const isText = mimeType === "text/xml" || mimeType === "text/plain";
  const fetched = useFetched<string>(
    async (signal) => (isText ? encapsulatedText(...place, signal) : ""),
    `${place.join(" ")} ${mimeType}`,
  );
  if (!isText) return <p className="text-dim">{t.document.notShown(mimeType)}</p>;
  return <Answer fetched={fetched}>{(text) => <p className="whitespace-pre-wrap">{text}</p>}</Answer>;
}
