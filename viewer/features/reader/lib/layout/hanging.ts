import type { Arrangement, Count, SeriesRef } from "@/features/reader/lib/layout/layout";
import {
  asksForImages,
  asksForOthers,
  contains,
  isOneOf,
  unitsFor,
  viewportOn,
  type HangingUnit,
  type HangingViewport,
  type ViewsOf,
} from "@/features/reader/lib/layout/hangingUnits";
import { isOtherPart, isOtherSide, isOtherView, isPaired } from "@/features/reader/lib/layout/likeness";
import { isPriorOf, momentOf } from "@/features/reader/lib/studies/otherStudies";
import { isImageSeries } from "@/dicom/segmentation/seg";
import type { HangingProtocol, SeriesSummary, StudyDetail } from "@/shared/api/types";
import type { WindowRange } from "@/dicom/windowing";

type Stage = Pick<HangingProtocol, "name" | "rows" | "columns" | "linked" | "fused" | "viewports">;

/** One layout of a protocol: which series where, and the window of each viewport that has one. */
export interface HungStage {
  name: string;
  arrangement: Arrangement;
  windows: (WindowRange | null)[];
  /** What is laid over the planes of the first viewport's series; null for viewports beside each other. */
  fused: SeriesRef | null;
}

/** What a protocol makes of a study: the first stage, and those that the reader goes on to. */
export interface Hung {
  name: string;
  stages: HungStage[];
  /** Whether it asks for a series by its role. */
  isByRole: boolean;
}

/** The study that is read with the patient's others, which may be later ones. */
export interface HangingInput {
  study: StudyDetail;
  others: readonly StudyDetail[];
  viewsOf: ViewsOf;
  /** The series to open where no protocol asks for another. */
  preferred: string | null;
}

/** Whether a protocol is meant for a study at all: by a series' modality and its part of the body. */
export function appliesTo(protocol: HangingProtocol, study: StudyDetail): boolean {
  return study.series.filter(isImageSeries).some((series) => {
    if (!isOneOf(series.modality, protocol.modalities)) return false;
    if (protocol.body_parts.length === 0) return true;
    const stated = [
      series.body_part_examined,
      series.series_description,
      series.protocol_name,
      study.study_description,
    ].join("\n");
    return contains(stated, protocol.body_parts);
  });
}

/** Images of more series than these are not looked at one by one. */
const mostExamined = 40;

/** Modalities of single pictures, which are of one side as often as not. */
const ofProjections = ["CR", "DX", "MG", "RF", "RG", "XA", "US"];

/**
 * The series whose headers are needed to hang them: those that a protocol asks for by the views of their images, those with several roles among them, and
 * those beside which an earlier study may come, whose side has to be the same.
 */
export function seriesToExamine(
  protocols: readonly HangingProtocol[],
  study: StudyDetail,
  others: readonly StudyDetail[],
): SeriesRef[] {
  const stages = protocols.filter((protocol) => appliesTo(protocol, study)).flatMap((protocol) => [protocol, ...protocol.stages]);
  const all = stages.flatMap((stage) => stage.viewports);
  const besidePriors = stages
    .filter(({ viewports }) => viewports.some((viewport) => viewport.study === "prior"))
    .flatMap(({ viewports }) => viewports);
  const isOf = (series: SeriesSummary, viewports: readonly HangingViewport[]) =>
    viewports.some(({ modalities }) => isOneOf(series.modality, modalities));
  const hasSide = (series: SeriesSummary) =>
    isOneOf(series.modality, ofProjections) || isPaired(series.body_part_examined);
  return [study, ...others]
    .flatMap((from) =>
      from.series
        .filter(
          (series) =>
            isImageSeries(series) && (isOf(series, all.filter((one) => asksForImages(viewportOn(series, one)))) || (hasSide(series) && others.length > 0 && isOf(series, besidePriors))),
        )
        .map((series) => ({ studyInstanceUid: from.study_instance_uid, seriesInstanceUid: series.series_instance_uid })),
    )
    .slice(0, mostExamined);
}

/** What of a study meets a viewport's conditions and, beside `model`, is of no other side, view or part of the body. */
function unitsBeside(
  from: StudyDetail,
  viewport: HangingViewport,
  viewsOf: ViewsOf,
  model: HangingUnit | undefined,
): HangingUnit[] {
  const units = unitsFor(from, viewport, viewsOf);
  if (!model) return units;
  return units.filter(
    ({ series, side, view }) =>
      !isOtherSide(side, model.side) &&
      !isOtherView(view, model.view) &&
      !isOtherPart(series.body_part_examined, model.series.body_part_examined),
  );
}

/** The newest of the studies made before in which something meets the conditions, beside `model`. */
export function priorFor(
  { study, others, viewsOf }: Omit<HangingInput, "preferred">,
  viewport: HangingViewport,
  model?: HangingUnit,
): StudyDetail | undefined {
  return others
    .filter((other) => isPriorOf(other, study))
    .sort((a, b) => momentOf(b).localeCompare(momentOf(a)))
    .find((other) => unitsBeside(other, viewport, viewsOf, model).length > 0);
}

/** Of what meets a viewport's conditions: the one like `model`, else the usual views, else the largest. */
function best(
  candidates: readonly HangingUnit[],
  preferred: string | null,
  model: HangingUnit | undefined,
): HangingUnit | undefined {
  const score = ({ series, view, isSpecial, frameCount }: HangingUnit) =>
    (isSpecial ? -16 : 0) +
    // A tomosynthesis stands beside the image of its view, not in its place.
    (frameCount > 1 ? -8 : 0) +
    // A frontal view lying beside one lying, where there is one of each.
    (model && view !== "" && view === model.view ? 6 : 0) +
    (series.series_instance_uid === preferred ? 4 : 0) +
    (model && series.series_description === model.series.series_description ? 2 : 0) +
    (model && series.body_part_examined === model.series.body_part_examined ? 1 : 0);
  return [...candidates].sort(
    (a, b) => score(b) - score(a) || b.series.instance_count - a.series.instance_count,
  )[0];
}

function keysOf({ series, images }: HangingUnit): string[] {
  return images.length === 0 ? [series.series_instance_uid] : [...images];
}

/** What an earlier image has to be like: what hangs already, else what of this study would hang in its place. */
function modelFor(
  viewport: HangingViewport,
  hung: HangingUnit | undefined,
  { study, viewsOf, preferred }: HangingInput,
): HangingUnit | undefined {
  const asksForSide = viewport.laterality !== "";
  const like = hung && !asksForSide && isOneOf(hung.series.modality, viewport.modalities);
  return like ? hung : best(unitsFor(study, { ...viewport, study: "current" }, viewsOf), preferred, undefined);
}

/** Lays a study out by one stage; null where something that it requires is missing. */
function hang(stage: Stage, input: HangingInput): HungStage | null {
  const { study, viewsOf, preferred } = input;
  const shown = new Set<string>();
  const take = (candidates: readonly HangingUnit[], beside: HangingUnit | undefined) => {
    const unit = best(candidates.filter((one) => !keysOf(one).some((key) => shown.has(key))), preferred, beside);
    for (const key of unit ? keysOf(unit) : []) shown.add(key);
    return unit;
  };
  // What is read comes first, so that each earlier image is beside the one that it is like.
  const units: (HangingUnit | undefined)[] = stage.viewports.map((viewport) =>
    viewport.study === "current" ? take(unitsFor(study, viewport, viewsOf), undefined) : undefined,
  );
  const hungNow = stage.viewports.flatMap(({ study: of }, at) => (of === "current" ? [units[at]] : []));
  let priors = 0;
  for (const [at, viewport] of stage.viewports.entries()) {
    if (viewport.study === "current") continue;
    const beside = modelFor(viewport, hungNow[priors] ?? hungNow.find((unit) => unit !== undefined), input);
    const from = priorFor(input, viewport, beside);
    units[at] = take(from ? unitsBeside(from, viewport, viewsOf, beside) : [], beside);
    priors += 1;
  }
  if (stage.viewports.some(({ required }, at) => required && !units[at])) return null;
  if (units.every((unit) => unit === undefined)) return null;
  const cells = units.map((unit): SeriesRef | null => (unit ? refOf(unit) : null));
  return {
    name: stage.name,
    arrangement: {
      rows: stage.rows as Count,
      columns: stage.columns as Count,
      cells,
      active: Math.max(0, cells.findIndex((cell) => cell?.studyInstanceUid === study.study_instance_uid)),
      linked: stage.linked,
    },
    windows: stage.viewports.map(({ window }) =>
      window ? { lower: window.center - window.width / 2, upper: window.center + window.width / 2 } : null,
    ),
    fused: stage.fused && sharesFrame(units[0], units[1]) ? (cells[1] ?? null) : null,
  };
}

function refOf({ study, series, images }: HangingUnit): SeriesRef {
  const ref = { studyInstanceUid: study.study_instance_uid, seriesInstanceUid: series.series_instance_uid };
  return images.length === 0 ? ref : { ...ref, images };
}

function sharesFrame(one: HangingUnit | undefined, other: HangingUnit | undefined): boolean {
  const frame = one?.series.frame_of_reference_uid ?? "";
  return frame !== "" && frame === other?.series.frame_of_reference_uid;
}

/** Whether a stage with viewports for a prior, or for other than usual views, has something in one of them, and one of two fused series has both. */
function hasWhatItIsFor({ viewports, fused: isFused }: Stage, { arrangement, fused }: HungStage): boolean {
  if (isFused && fused === null) return false;
  const isFor = [(viewport: HangingViewport) => viewport.study === "prior", asksForOthers];
  return isFor.every((asks) => {
    const found = viewports.flatMap((viewport, at) => (asks(viewport) ? [arrangement.cells[at]] : []));
    return found.length === 0 || found.some(Boolean);
  });
}

/** The first protocol that applies and finds all that its first stage requires; null when none does. */
export function hangStudy(protocols: readonly HangingProtocol[], input: HangingInput): Hung | null {
  for (const protocol of protocols) {
    const first = appliesTo(protocol, input.study) ? hang(protocol, input) : null;
    if (!first) continue;
    const later = protocol.stages.flatMap((stage) => {
      const hung = hang(stage, input);
      return hung && hasWhatItIsFor(stage, hung) ? [hung] : [];
    });
    const isByRole = [protocol, ...protocol.stages].some(({ viewports }) => viewports.some(({ role }) => role !== ""));
    return { name: protocol.name, stages: [first, ...later], isByRole };
  }
  return null;
}

/** What is known of the roles of a study's series: another text once more is known. */
export function rolesOf(study: StudyDetail): string {
  return study.series.map(({ series_instance_uid: uid, roles }) => `${uid} ${roles.join(" ")}`).sort().join("\n");
}
