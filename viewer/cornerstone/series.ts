import { cache, Enums, imageLoader, imageLoadPoolManager } from "@cornerstonejs/core";
import { wadors } from "@cornerstonejs/dicom-image-loader";
import { forDrawing } from "@/dicom/calibration/calibration";
import { frameUrl, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { detectorOfFrame, partOfDetector } from "@/dicom/detectors";
import { asSingleFrame } from "@/dicom/frameHeader";
import { noteSuvOfSeries } from "@/dicom/pet/suv";
import type { Slice } from "@/dicom/geometry";
import { orderSlices, type SliceOrder } from "@/dicom/sliceOrder";
import { text } from "@/shared/i18n";
import { withPaletteValues } from "@/cornerstone/values/paletteValues";
import { paddingOf } from "@/dicom/display/padding";
import { openValues } from "@/dicom/display/shutter";
import { withCellValues, withOverlayBits } from "@/dicom/display/pixelCells";
import { slideOf, type Slide } from "@/dicom/slide";
import { withTables } from "@/dicom/display/tables";
import { isLowBright, offeredPresets, opensInverted, type Voi } from "@/dicom/display/voi";
import { windowOfValues, type WindowPreset } from "@/dicom/windowing";
import { start } from "./runtime";

/** A series that Cornerstone can draw: its frames in the order of space. */
export interface LoadedSeries {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  modality: string;
  order: SliceOrder;
  /** The lowest values are the brightest, as of MONOCHROME1 (PS3.3 C.7.6.3.1.2). */
  lowIsBright: boolean;
  /** Read with its values inverted, as PET is. */
  opensInverted: boolean;
  /** The tables and windows that the header of the middle image offers; the first is opened with. */
  headerPresets: WindowPreset[];
  imageIds: string[];
  /** How many instances it had when it was read, those without pixels among them. */
  instanceCount: number;
  indexOfSopInstanceUid: Map<string, number>;
  /** Names the images that it was narrowed to; empty for the whole series. */
  part: string;
  /** A whole slide, which is drawn by its tiles; null of everything else. */
  slide: Slide | null;
}

const parts = new WeakMap<LoadedSeries, Map<string, LoadedSeries>>();

/** A series narrowed to some of its images, the same one each time; to none of them, the whole. */
export function partOf(series: LoadedSeries, images: readonly string[] = []): LoadedSeries {
  const wanted = new Set(images);
  const isWanted = ({ sopInstanceUid, dataset, frameNumber }: Slice) => {
    const detector = detectorOfFrame(dataset, frameNumber);
    return wanted.has(sopInstanceUid) || (detector !== null && wanted.has(partOfDetector(sopInstanceUid, detector)));
  };
  const indexes = series.order.slices.flatMap((slice, index) => (isWanted(slice) ? [index] : []));
  if (indexes.length === 0 || indexes.length === series.imageIds.length) return series;
  const part = images.join(" ");
  const ofSeries = parts.get(series) ?? new Map<string, LoadedSeries>();
  parts.set(series, ofSeries);
  const known = ofSeries.get(part);
  if (known) return known;
  const slices = indexes.flatMap((index) => series.order.slices[index] ?? []);
  const { ofSome } = text().refusals.images;
  const narrowed: LoadedSeries = {
    ...series,
    part,
    order: { ...series.order, slices, notice: "", axis: null, stackRefusal: ofSome, volumeRefusal: ofSome },
    imageIds: indexes.flatMap((index) => series.imageIds[index] ?? []),
    indexOfSopInstanceUid: firstIndexes(slices),
  };
  ofSeries.set(part, narrowed);
  return narrowed;
}

/** What a series is remembered by, its parts apart. */
export function keyOf({ seriesInstanceUid, part }: LoadedSeries): string {
  return part === "" ? seriesInstanceUid : `${seriesInstanceUid} ${part}`;
}

export async function registerSeries(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  modality: string,
  datasets: readonly DicomJson[],
): Promise<LoadedSeries> {
  await start();
  const slide = modality === "SM" ? slideOf(datasets) : null;
  // Each tile of each magnification is a frame: the smallest picture stands for all.
  const drawn = slide ? datasets.filter((one) => stringOf(one, "00080018") === slide.levels.at(-1)?.sopInstanceUid) : datasets;
  const order = orderSlices(await Promise.all(drawn.map(withTables)));
  noteSuvOfSeries(order.slices.map(({ dataset }) => dataset));
  const imageIds = order.slices.map((slice) => {
    const url = frameUrl(studyInstanceUid, seriesInstanceUid, slice.sopInstanceUid, slice.frameNumber);
    const imageId = `wadors:${url}`;
    const header = withOverlayBits(withCellValues(withModality(withPaletteValues(asSingleFrame(forDrawing(slice.dataset))))));
    wadors.metaDataManager.add(imageId, header as Parameters<typeof wadors.metaDataManager.add>[1]);
    return imageId;
  });
  const lowIsBright = order.slices.some(({ dataset }) => isLowBright(dataset));
  const middle = order.slices[Math.floor(order.slices.length / 2)];
  return {
    studyInstanceUid,
    seriesInstanceUid,
    modality,
    order,
    lowIsBright,
    opensInverted: opensInverted(modality),
    headerPresets: middle ? offeredPresets(middle.dataset) : [],
    imageIds,
    instanceCount: datasets.length,
    indexOfSopInstanceUid: firstIndexes(order.slices),
    part: "",
    slide,
  };
}

/** Cornerstone’s loader looks into Modality without asking whether there is one. */
function withModality(dataset: DicomJson): DicomJson {
  return stringOf(dataset, "00080060") ? dataset : { ...dataset, "00080060": { vr: "CS", Value: ["OT"] } };
}

/** Where each instance begins in a stack. */
function firstIndexes(slices: readonly Slice[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [index, { sopInstanceUid }] of slices.entries()) {
    if (!found.has(sopInstanceUid)) found.set(sopInstanceUid, index);
  }
  return found;
}

/** The nearest index that a list of this length has. */
export function clamp(index: number, length: number): number {
  return Math.max(0, Math.min(length - 1, index));
}

/** What to open with: the header's table or window, or one measured on this frame without either. */
export async function openingVoi(imageId: string): Promise<Voi | null> {
  const image = await imageLoader.loadAndCacheImage(imageId);
  if (image.color) return null;
  const header = (wadors.metaDataManager.get(imageId) ?? {}) as DicomJson;
  const [stated] = offeredPresets(header);
  if (stated) return { range: stated.range, curve: stated.curve ?? null };
  return { range: windowOfValues(openValues(image.getPixelData(), image.columns, header), paddingOf(header)), curve: null };
}

/** Share of the cache that one series may fill ahead of its being looked at. */
const shareOfCache = 0.7;

/** How many frames of this kind fit the share of the cache that is meant for one series. */
function fittingFrames(imageId: string): number {
  const bytes = cache.getImage(imageId)?.sizeInBytes ?? 0;
  return bytes > 0 ? Math.floor((shareOfCache * cache.getMaxCacheSize()) / bytes) : Infinity;
}

/**
 * Loads frames in the background, nearest to the open one first, as many as the cache has room
 * for, and tells how many are in.
 */
export function prefetch(
  series: LoadedSeries,
  fromIndex: number,
  onProgress: (loaded: number, total: number) => void,
): () => void {
  const open = series.imageIds[fromIndex];
  const order = series.imageIds
    .map((imageId, index) => ({ imageId, distance: Math.abs(index - fromIndex) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, open === undefined ? undefined : fittingFrames(open));
  let stopped = false;
  let loaded = 0;
  const done = () => {
    loaded += 1;
    if (!stopped) onProgress(loaded, order.length);
  };
  for (const { imageId } of order) {
    if (cache.getImageLoadObject(imageId)) {
      done();
      continue;
    }
    imageLoadPoolManager.addRequest(
      async () => {
        if (stopped) return;
        try {
          await imageLoader.loadAndCacheImage(imageId, {
            priority: 0,
            requestType: Enums.RequestType.Prefetch,
          });
        } catch {
          // The frame is asked for again, and its failure shown, when the reader comes to it.
        }
        done();
      },
      Enums.RequestType.Prefetch,
      { imageId },
      0,
    );
  }
  return () => {
    stopped = true;
    const ours = new Set(series.imageIds);
    imageLoadPoolManager.filterRequests(
      ({ type, additionalDetails: { imageId } }) =>
        type !== Enums.RequestType.Prefetch || imageId === undefined || !ours.has(imageId),
    );
  };
}
