import { numbersOf, stringOf, type DicomElement, type DicomJson } from "@/dicom/dicomweb";
import { overlaysInPixels } from "@/dicom/display/pixelCells";

/** A plane of bits over an image (PS3.3 C.9.2); its data may still have to be fetched. */
export interface OverlayPlane {
  /** As it stands in the tag: 6000, 6002 … */
  group: string;
  rows: number;
  columns: number;
  /** Where its first bit lies on the image, pixels from 0. */
  left: number;
  top: number;
  /** Frames of the image from 1, each with bits of its own; null for a plane that lies over all. */
  frames: { first: number; count: number } | null;
  data: DicomElement | Uint8Array;
}

/** The planes of a header that have data of their own. */
export function overlayPlanesOf(dataset: DicomJson): OverlayPlane[] {
  return Array.from({ length: 16 }, (_, index) => (0x6000 + 2 * index).toString(16)).flatMap((group) => {
    const data = dataset[`${group}3000`];
    const [rows] = numbersOf(dataset, `${group}0010`);
    const [columns] = numbersOf(dataset, `${group}0011`);
    if (!data || !rows || !columns || stringOf(dataset, `${group}0040`) === "R") return [];
    const [row = 1, column = 1] = numbersOf(dataset, `${group}0050`);
    const [count] = numbersOf(dataset, `${group}0015`);
    const [first = 1] = numbersOf(dataset, `${group}0051`);
    const [imageFrames = 1] = numbersOf(dataset, "00280008");
    const frames = count !== undefined && imageFrames > 1 ? { first, count } : null;
    return [{ group, rows, columns, left: column - 1, top: row - 1, frames, data }];
  });
}

/** The planes of a header that lie in bits of the pixels; `bitsOf` has those of the frame that is shown. */
export function embeddedPlanesOf(dataset: DicomJson, bitsOf: (group: string) => Uint8Array | null): OverlayPlane[] {
  const [rows] = numbersOf(dataset, "00280010");
  const [columns] = numbersOf(dataset, "00280011");
  if (!rows || !columns) return [];
  return overlaysInPixels(dataset).flatMap(({ group }) => {
    const data = bitsOf(group);
    const isRegion = stringOf(dataset, `${group}0040`).trim() === "R";
    return data && !isRegion ? [{ group, rows, columns, left: 0, top: 0, frames: null, data }] : [];
  });
}

/** The bits of one frame as red, green, blue and alpha; null where the plane has none for it. */
export function overlayPixels(
  plane: OverlayPlane,
  bits: Uint8Array,
  frameNumber: number,
  [red, green, blue]: readonly [number, number, number],
): Uint8ClampedArray<ArrayBuffer> | null {
  const { rows, columns, frames } = plane;
  const frame = frames ? frameNumber - frames.first : 0;
  if (frame < 0 || (frames && frame >= frames.count)) return null;
  const pixels = new Uint8ClampedArray(rows * columns * 4);
  for (let index = 0; index < rows * columns; index += 1) {
    const bit = frame * rows * columns + index;
    // The first bit is the lowest of its byte (PS3.5 8.1.2).
    if (((bits[bit >> 3] ?? 0) >> (bit & 7)) & 1) pixels.set([red, green, blue, 255], 4 * index);
  }
  return pixels;
}
