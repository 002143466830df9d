import { sideOfSeries, type Side } from "@/features/reader/lib/layout/likeness";
import { partOfDetector } from "@/dicom/detectors";
import { viewDescribed, type ImageView } from "@/dicom/imageView";
import { isImageSeries } from "@/dicom/segmentation/seg";
import type { HangingProtocol, SeriesSummary, StudyDetail } from "@/shared/api/types";

export type HangingViewport = HangingProtocol["viewports"][number];

/** The views of a series' images; empty where they were not asked for. */
export type ViewsOf = (seriesInstanceUid: string) => readonly ImageView[];

/** What a viewport may show: a series, or some of its images. */
export interface HangingUnit {
  study: StudyDetail;
  series: SeriesSummary;
  /** SOP Instance UIDs, or what detectors took of them; empty for the whole series. */
  images: readonly string[];
  /** Empty for both, and where none is stated. */
  side: Side;
  /** View Position; empty where its images have several, or none. */
  view: string;
  isSpecial: boolean;
  frameCount: number;
}

export function contains(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.some((word) => lower.includes(word.toLowerCase()));
}

export function isOneOf(value: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => word.toLowerCase() === value.toLowerCase());
}

/** Whether a viewport asks for images by what their own headers say. */
export function asksForImages({ laterality, views, kind, each_image }: HangingViewport): boolean {
  return laterality !== "" || views.length > 0 || kind !== "" || each_image;
}

/** Whether a viewport asks for what does not take the place of a usual view. */
export function asksForOthers({ kind }: HangingViewport): boolean {
  return kind === "special" || kind === "implant_displaced" || kind === "tomosynthesis";
}

/** The images that a role of projections asks for; of other roles the whole series. */
const imagesOfRole: Partial<Record<HangingViewport["role"], Partial<HangingViewport>>> = {
  PA: { views: ["PA"] },
  AP: { views: ["AP"] },
  LATERAL: { views: ["LATERAL", "LL", "RL", "LAT"] },
  R_CC: { laterality: "R", views: ["CC"] },
  L_CC: { laterality: "L", views: ["CC"] },
  R_MLO: { laterality: "R", views: ["MLO"] },
  L_MLO: { laterality: "L", views: ["MLO"] },
};

/** A viewport that asks for a role, with what it asks of the images of a series that has several. */
export function viewportOn({ roles }: SeriesSummary, viewport: HangingViewport): HangingViewport {
  return roles.length > 1 ? { ...viewport, ...imagesOfRole[viewport.role] } : viewport;
}

function kindOf({ isSpecial, isImplantDisplaced, frameCount }: ImageView): HangingViewport["kind"] {
  if (frameCount > 1) return "tomosynthesis";
  return isImplantDisplaced ? "implant_displaced" : isSpecial ? "special" : "usual";
}

function meets(series: SeriesSummary, viewport: HangingViewport): boolean {
  const { series_description: description } = series;
  return (
    isImageSeries(series) &&
    isOneOf(series.modality, viewport.modalities) &&
    (viewport.description_contains.length === 0 || contains(description, viewport.description_contains)) &&
    !contains(description, viewport.description_lacks) &&
    (viewport.role === "" || series.roles.includes(viewport.role))
  );
}

/** The series of a study, or the images, that meet a viewport's conditions. */
export function unitsFor(study: StudyDetail, viewport: HangingViewport, viewsOf: ViewsOf): HangingUnit[] {
  const series = study.series.filter((one) => meets(one, viewport));
  const whole = (one: SeriesSummary): HangingUnit => {
    const side = sideOfSeries(viewsOf(one.series_instance_uid), one.series_description);
    return { study, series: one, images: [], side, view: "", isSpecial: false, frameCount: 1 };
  };
  return series.flatMap((one) => {
    const asked = viewportOn(one, viewport);
    return asksForImages(asked) ? imageUnits(study, one, asked, viewsOf(one.series_instance_uid)) : [whole(one)];
  });
}

function imageUnits(
  study: StudyDetail,
  series: SeriesSummary,
  { laterality, views, kind, each_image: isEach }: HangingViewport,
  known: readonly ImageView[],
): HangingUnit[] {
  const described = viewDescribed(series.series_description);
  const found = known
    .map((image) => ({
      ...image,
      laterality: image.laterality || described.laterality,
      view: image.view || described.view,
    }))
    .filter((image) => (laterality === "" || image.laterality === laterality) && isOneOf(image.view, views))
    .filter((image) => kind === "" || kindOf(image) === kind);
  const unit = (images: typeof found): HangingUnit => ({
    study,
    series,
    images: images.length === known.length ? [] : images.map(({ sopInstanceUid, detector }) => (detector === undefined ? sopInstanceUid : partOfDetector(sopInstanceUid, detector))),
    side: sideOfSeries(images, series.series_description),
    view: images.every((image) => image.view === images[0]?.view) ? (images[0]?.view ?? "") : "",
    isSpecial: images.every((image) => image.isSpecial),
    frameCount: images[0]?.frameCount ?? 1,
  });
  if (found.length === 0) return [];
  if (isEach) return found.map((image) => unit([image]));
  // Repeats of one view are leafed through in one viewport; special ones apart from the usual.
  return [found.filter(({ isSpecial }) => !isSpecial), found.filter(({ isSpecial }) => isSpecial)]
    .filter((images) => images.length > 0)
    .map(unit);
}
