import { imageLoader } from "@cornerstonejs/core";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { imagePlaneOf } from "@/dicom/imagePlane";
import { segPixels, type SegGrid, type SegPlane } from "@/dicom/segGrid";
import { segmentOnImage, type PixelPlane } from "@/dicom/segResample";
import { start } from "@/cornerstone/runtime";
import type { LoadedSeries } from "@/cornerstone/series";
import { extentsIn, maskSegment, openingOf, register, type LabelmapImage, type LoadedMask, type SegmentItem } from "./mask";

/** The instance, and how its planes are to be read: the pixels of its frames, by number. */
export interface ResampledSource {
  seriesInstanceUid: string;
  sopInstanceUid: string;
  header: DicomJson;
  grid: SegGrid;
  notes: readonly string[];
  readFrames: (frameNumbers: readonly number[]) => Promise<ArrayBuffer[]>;
}

/** As long as the page may stand still, ms. */
const mostWorkMs = 40;

/** Label maps of so many layers of overlapping segments are kept; a browser has no room for more. */
const mostLayers = 8;

/** Brings a SEG of another matrix, of other planes or of fractions onto the images of a series, and registers it. */
export async function loadResampled(series: LoadedSeries, source: ResampledSource): Promise<LoadedMask> {
  await start();
  const { grid, header } = source;
  const images = series.order.slices.map(({ dataset }) => imagePlaneOf(dataset));
  const segmentationId = `seg:${source.sopInstanceUid}`;
  const layers: LabelmapImage[][] = [];
  const pause = pauses();
  const planesOf = await planesBySegment(source);
  for (const segmentNumber of grid.segmentNumbers) {
    const planes = planesOf(segmentNumber);
    const parts = new Map<number, Uint8Array>();
    for (const [index, image] of images.entries()) {
      const part = image && segmentOnImage(grid, { planes, most: grid.mostFractional }, image);
      if (part) parts.set(index, part);
      await pause();
    }
    if (parts.size > 0) draw(layerFor(layers, parts, series), parts, segmentNumber);
  }
  if (layers.length === 0) layers.push(emptyLayer(series));
  const extents = extentsIn(layers);
  const segments = itemsOf(header, "00620002").flatMap((item) => {
    const [segmentNumber] = numbersOf(item, "00620004");
    return segmentNumber ? [maskSegment(series, segmentItem(item), segmentNumber, extents.get(segmentNumber))] : [];
  });
  register(series, segmentationId, layers.flat().map(({ imageId }) => imageId), segments);
  return {
    segmentationId,
    sopInstanceUid: source.sopInstanceUid,
    seriesInstanceUid: source.seriesInstanceUid,
    segments,
    notes: source.notes,
    opening: openingOf(segments),
  };
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

/** The first layer of label maps in which nothing else lies where the segment does. */
function layerFor(layers: LabelmapImage[][], parts: ReadonlyMap<number, Uint8Array>, series: LoadedSeries): LabelmapImage[] {
  const isFree = (layer: readonly LabelmapImage[]) =>
    [...parts].every(([index, part]) => {
      const there = layer[index]?.getPixelData();
      return there !== undefined && part.every((value, at) => value === 0 || there[at] === 0);
    });
  const free = layers.find(isFree);
  if (free) return free;
  if (layers.length === mostLayers) throw new RangeError("too many layers");
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
