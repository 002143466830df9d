import { imageLoader } from "@cornerstonejs/core";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { imagePlaneOf } from "@/dicom/imagePlane";
import { segPixels, type SegGrid, type SegPlane } from "@/dicom/segmentation/segGrid";
import type { SegPlaces } from "@/dicom/segmentation/segPlaces";
import { segmentOnImage, type PixelPlane } from "@/dicom/segmentation/segResample";
import { text } from "@/shared/i18n";
import { start } from "@/cornerstone/runtime";
import type { LoadedSeries } from "@/cornerstone/series";
import { extentsIn, maskSegment, openingOf, register, type LabelmapImage, type LoadedMask, type SegmentItem } from "./mask";

interface DrawnSource {
  seriesInstanceUid: string;
  sopInstanceUid: string;
  header: DicomJson;
  notes: readonly string[];
  /** The pixels of frames, by number. */
  readFrames: (frameNumbers: readonly number[]) => Promise<ArrayBuffer[]>;
}

/** The instance, and how its planes are to be read. */
export interface ResampledSource extends DrawnSource {
  grid: SegGrid;
}

/** The instance, and which images each of its frames lies on. */
export interface PlacedSource extends DrawnSource {
  places: SegPlaces;
}

/** The pixels of a segment, 1 each, by the index of the image; awaited so that the page may do something else. */
type Parts = (segmentNumber: number) => Promise<Map<number, Uint8Array>>;

/** As long as the page may stand still, ms. */
const mostWorkMs = 40;

/** Label maps of so many layers of overlapping segments are kept; a browser has no room for more. */
const mostLayers = 8;

/** Brings a SEG of another matrix, of other planes or of fractions onto the images of a series, and registers it. */
export async function loadResampled(series: LoadedSeries, source: ResampledSource): Promise<LoadedMask> {
  await start();
  const { grid } = source;
  const images = series.order.slices.map(({ dataset }) => imagePlaneOf(dataset));
  const pause = pauses();
  const planesOf = await planesBySegment(source);
  return drawn(series, source, grid.segmentNumbers, async (segmentNumber) => {
    const planes = planesOf(segmentNumber);
    const parts = new Map<number, Uint8Array>();
    for (const [index, image] of images.entries()) {
      const part = image && segmentOnImage(grid, { planes, most: grid.mostFractional }, image);
      if (part) parts.set(index, part);
      await pause();
    }
    return parts;
  });
}

/** Draws each frame of a SEG over the images that it names, and registers it. */
export async function loadPlaced(series: LoadedSeries, source: PlacedSource): Promise<LoadedMask> {
  await start();
  const { places, readFrames } = source;
  const frames = await readFrames(places.frames.map(({ frameNumber }) => frameNumber));
  const read = places.frames.map((frame, index) => ({ ...frame, pixels: segPixels(places, frames[index] ?? new ArrayBuffer(0)) }));
  const most = places.type === "FRACTIONAL" ? places.mostFractional / 2 : 0;
  const pause = pauses();
  return drawn(series, source, places.segmentNumbers, async (segmentNumber) => {
    const parts = new Map<number, Uint8Array>();
    for (const frame of read) {
      if (frame.segmentNumber !== null && frame.segmentNumber !== segmentNumber) continue;
      const isIn = (value: number) => (frame.segmentNumber === null ? value === segmentNumber : value > most);
      if (frame.pixels.some(isIn)) {
        const part = Uint8Array.from(frame.pixels, (value) => (isIn(value) ? 1 : 0));
        for (const index of frame.imageIndexes) parts.set(index, part);
      }
      await pause();
    }
    return parts;
  });
}

async function drawn(
  series: LoadedSeries,
  { seriesInstanceUid, sopInstanceUid, header, notes }: DrawnSource,
  segmentNumbers: readonly number[],
  partsOf: Parts,
): Promise<LoadedMask> {
  const segmentationId = `seg:${sopInstanceUid}`;
  const layers: LabelmapImage[][] = [];
  const leftOut = new Set<number>();
  for (const segmentNumber of segmentNumbers) {
    const parts = await partsOf(segmentNumber);
    const layer = parts.size > 0 ? layerFor(layers, parts, series) : null;
    if (layer) draw(layer, parts, segmentNumber);
    else if (parts.size > 0) leftOut.add(segmentNumber);
  }
  if (layers.length === 0) layers.push(emptyLayer(series));
  const extents = extentsIn(layers);
  const segments = itemsOf(header, "00620002").flatMap((item) => {
    const [segmentNumber] = numbersOf(item, "00620004");
    return segmentNumber ? [maskSegment(series, segmentItem(item), segmentNumber, extents.get(segmentNumber))] : [];
  });
  register(series, segmentationId, layers.flat().map(({ imageId }) => imageId), segments);
  const missing = segments.filter(({ segmentNumber }) => leftOut.has(segmentNumber)).map(({ label }) => label);
  const all = missing.length > 0 ? [...notes, text().viewing.maskNotes.layers(missing, mostLayers)] : notes;
  return { segmentationId, sopInstanceUid, seriesInstanceUid, segments, notes: all, opening: openingOf(segments) };
}

function segmentItem(item: DicomJson): SegmentItem {
  return {
    SegmentLabel: stringOf(item, "00620005") || undefined,
    SegmentAlgorithmName: stringOf(item, "00620009") || undefined,
    RecommendedDisplayCIELabValue: numbersOf(item, "0062000D"),
  };
}

/** Reads all frames once; the planes of a segment are those of its frames, or of a label map all, its own pixels in them. */
async function planesBySegment({ grid, readFrames }: ResampledSource): Promise<(segmentNumber: number) => PixelPlane[]> {
  const frames = await readFrames(grid.planes.map(({ frameNumber }) => frameNumber));
  const read = grid.planes.map((plane, index) => ({ plane, pixels: segPixels(grid, frames[index] ?? new ArrayBuffer(0)) }));
  read.sort((a, b) => a.plane.heightMm - b.plane.heightMm);
  const asPlane = ({ origin, heightMm }: SegPlane, pixels: ArrayLike<number>): PixelPlane => ({ origin, heightMm, pixels });
  return (segmentNumber) =>
    grid.type === "LABELMAP"
      ? read.flatMap(({ plane, pixels }) =>
          pixels.includes(segmentNumber)
            ? [asPlane(plane, Uint8Array.from(pixels, (value) => (value === segmentNumber ? 1 : 0)))]
            : [],
        )
      : read.flatMap(({ plane, pixels }) => (plane.segmentNumber === segmentNumber ? [asPlane(plane, pixels)] : []));
}

function emptyLayer(series: LoadedSeries): LabelmapImage[] {
  return imageLoader.createAndCacheDerivedLabelmapImages(series.imageIds);
}

/** The first layer of label maps in which nothing else lies where the segment does; null where none is left. */
function layerFor(layers: LabelmapImage[][], parts: ReadonlyMap<number, Uint8Array>, series: LoadedSeries): LabelmapImage[] | null {
  const isFree = (layer: readonly LabelmapImage[]) =>
    [...parts].every(([index, part]) => {
      const there = layer[index]?.getPixelData();
      return there !== undefined && part.every((value, at) => value === 0 || there[at] === 0);
    });
  const free = layers.find(isFree);
  if (free) return free;
  if (layers.length === mostLayers) return null;
  const layer = emptyLayer(series);
  layers.push(layer);
  return layer;
}

function draw(layer: readonly LabelmapImage[], parts: ReadonlyMap<number, Uint8Array>, segmentNumber: number): void {
  for (const [index, part] of parts) {
    const pixels = layer[index]?.getPixelData() as { [at: number]: number } | undefined;
    if (!pixels) continue;
    for (const [at, value] of part.entries()) if (value !== 0) pixels[at] = segmentNumber;
  }
}

/** Lets the page do something else whenever it has waited for long enough. */
function pauses(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < mostWorkMs) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    since = performance.now();
  };
}
