import type { Arrangement, Count, SeriesRef } from "@/features/reader/lib/layout/layout";
import { isPriorOf } from "@/features/reader/lib/otherStudies";
import { isImageSeries } from "@/dicom/seg";
import type { HangingProtocol, SeriesSummary, StudyDetail } from "@/shared/api/types";
import type { WindowRange } from "@/dicom/windowing";

type Viewport = HangingProtocol["viewports"][number];

/** What a protocol makes of a study: the layout, and the window of each viewport that has one. */
export interface Hung {
  name: string;
  arrangement: Arrangement;
  windows: (WindowRange | null)[];
}

function contains(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.some((word) => lower.includes(word.toLowerCase()));
}

function isOneOf(value: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => word.toLowerCase() === value.toLowerCase());
}

/** Whether a protocol is meant for a study at all: by a series' modality and its part of the body. */
export function appliesTo(protocol: HangingProtocol, study: StudyDetail): boolean {
  return study.series.filter(isImageSeries).some((series) => {
    if (!isOneOf(series.modality, protocol.modalities)) return false;
    if (protocol.body_parts.length === 0) return true;
    const told = [
      series.body_part_examined,
      series.series_description,
      series.protocol_name,
      study.study_description,
    ].join("\n");
    return contains(told, protocol.body_parts);
  });
}

function meets(series: SeriesSummary, viewport: Viewport): boolean {
  const { series_description: description } = series;
  return (
    isImageSeries(series) &&
    isOneOf(series.modality, viewport.modalities) &&
    (viewport.description_contains.length === 0 ||
      contains(description, viewport.description_contains)) &&
    !contains(description, viewport.description_lacks)
  );
}

/** The newest of the studies made before with a series that meets the conditions. */
export function priorFor(
  study: StudyDetail,
  others: readonly StudyDetail[],
  viewport: Viewport,
): StudyDetail | undefined {
  const moment = ({ study_date, study_time }: StudyDetail) => `${study_date ?? ""} ${study_time ?? ""}`;
  return others
    .filter((other) => isPriorOf(other, study))
    .sort((a, b) => moment(b).localeCompare(moment(a)))
    .find((other) => other.series.some((series) => meets(series, viewport)));
}

/** Of the series that meet a viewport's conditions: the one like `model`, else the largest. */
function best(
  candidates: readonly SeriesSummary[],
  preferred: string | null,
  model: SeriesSummary | undefined,
): SeriesSummary | undefined {
  const score = (series: SeriesSummary) =>
    (series.series_instance_uid === preferred ? 4 : 0) +
    (model && series.series_description === model.series_description ? 2 : 0) +
    (model && series.body_part_examined === model.body_part_examined ? 1 : 0);
  return [...candidates].sort(
    (a, b) => score(b) - score(a) || b.instance_count - a.instance_count,
  )[0];
}

/** Lays a study out by a protocol; null where a series that the protocol requires is missing. */
function hang(
  protocol: HangingProtocol,
  study: StudyDetail,
  others: readonly StudyDetail[],
  preferred: string | null,
): Hung | null {
  const shown = new Set<string>();
  const cells: (SeriesRef | null)[] = [];
  const windows: (WindowRange | null)[] = [];
  let model: SeriesSummary | undefined;
  for (const viewport of protocol.viewports) {
    const from = viewport.study === "current" ? study : priorFor(study, others, viewport);
    const candidates = (from?.series ?? []).filter(
      (series) => meets(series, viewport) && !shown.has(series.series_instance_uid),
    );
    const series = best(candidates, preferred, viewport.study === "prior" ? model : undefined);
    if (!series && viewport.required) return null;
    if (viewport.study === "current") model ??= series;
    if (series) shown.add(series.series_instance_uid);
    cells.push(
      from && series
        ? {
            studyInstanceUid: from.study_instance_uid,
            seriesInstanceUid: series.series_instance_uid,
          }
        : null,
    );
    const { window } = viewport;
    windows.push(
      window
        ? { lower: window.center - window.width / 2, upper: window.center + window.width / 2 }
        : null,
    );
  }
  return {
    name: protocol.name,
    arrangement: {
      rows: protocol.rows as Count,
      columns: protocol.columns as Count,
      cells,
      active: 0,
      linked: protocol.linked,
    },
    windows,
  };
}

/** The first protocol that applies and finds all that it requires; null when none does. `others` may hold later studies. */
export function hangStudy(
  protocols: readonly HangingProtocol[],
  study: StudyDetail,
  others: readonly StudyDetail[],
  preferred: string | null,
): Hung | null {
  for (const protocol of protocols) {
    const hung = appliesTo(protocol, study) ? hang(protocol, study, others, preferred) : null;
    if (hung) return hung;
  }
  return null;
}
