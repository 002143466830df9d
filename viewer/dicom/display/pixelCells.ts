import { numbersOf, stringOf, type DicomElement, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  photometric: "00280004",
  bitsAllocated: "00280100",
  bitsStored: "00280101",
  highBit: "00280102",
  signed: "00280103",
  padding: "00280120",
  paddingLimit: "00280121",
  intercept: "00281052",
  slope: "00281053",
} as const;

/** Grey values that do not begin at the lowest bit of their cells (PS3.5 8.1.1). */
export interface PixelCell {
  /** Bits below the value. */
  shift: number;
  bitsStored: number;
  highBit: number;
  isSigned: boolean;
  /** Of the value itself, as the image states it. */
  slope: number;
  intercept: number;
}

const cells = new WeakMap<DicomJson, PixelCell>();

/**
 * The header by which Cornerstone, which takes the whole cell for the value, gives the value: its slope is
 * divided by what the cell is too large. That holds while the other bits are zero (`isOfCells`). The header
 * itself where values begin at the lowest bit, as they do since 2014.
 */
export function withCellValues(header: DicomJson): DicomJson {
  const [bitsStored] = numbersOf(header, tag.bitsStored);
  const [highBit] = numbersOf(header, tag.highBit);
  const isGrey = stringOf(header, tag.photometric).trim().startsWith("MONOCHROME");
  if (!isGrey || bitsStored === undefined || highBit === undefined || highBit === bitsStored - 1) return header;
  const shift = highBit + 1 - bitsStored;
  const [slope = 1] = numbersOf(header, tag.slope);
  const [intercept = 0] = numbersOf(header, tag.intercept);
  const isSigned = numbersOf(header, tag.signed)[0] === 1;
  const scale = 2 ** shift;
  const changed: DicomJson = {
    ...header,
    [tag.bitsStored]: { vr: "US", Value: [highBit + 1] },
    [tag.slope]: { vr: "DS", Value: [slope / scale] },
    [tag.intercept]: { vr: "DS", Value: [intercept] },
    ...scaled(header, tag.padding, scale),
    ...scaled(header, tag.paddingLimit, scale),
  };
  cells.set(changed, { shift, bitsStored, highBit, isSigned, slope, intercept });
  return changed;
}

/** What `withCellValues` has found; null where it changed nothing. */
export function cellOf(header: DicomJson): PixelCell | null {
  return cells.get(header) ?? null;
}

/** Whether every rescaled value is one that the stored bits can say, and the other bits were zero. */
export function isOfCells(values: ArrayLike<number>, cell: PixelCell): boolean {
  const { shift, bitsStored, isSigned, slope, intercept } = cell;
  if (shift < 0) return false;
  const least = isSigned ? -(2 ** (bitsStored - 1)) : 0;
  const most = least + 2 ** bitsStored - 1;
  // Half of what the lowest of the other bits would make.
  const tolerance = 0.5 / 2 ** shift;
  for (let index = 0; index < values.length; index += 1) {
    const stored = ((values[index] ?? NaN) - intercept) / slope;
    const whole = Math.round(stored);
    if (!(Math.abs(stored - whole) < tolerance && whole >= least && whole <= most)) return false;
  }
  return true;
}

/** A plane of an overlay in a bit of the pixels above the value (PS3.5 8.1.2, retired in 2004). */
export interface EmbeddedOverlay {
  /** As it stands in the tag: 6000, 6002 … */
  group: string;
  /** Of its bit in the cell, from 0. */
  position: number;
}

export function overlaysInPixels(header: DicomJson): EmbeddedOverlay[] {
  const [allocated = 16] = numbersOf(header, tag.bitsAllocated);
  const [bitsStored = allocated] = numbersOf(header, tag.bitsStored);
  const [highBit = bitsStored - 1] = numbersOf(header, tag.highBit);
  return Array.from({ length: 16 }, (_, index) => (0x6000 + 2 * index).toString(16)).flatMap((group) => {
    const [position = 0] = numbersOf(header, `${group}0102`);
    return position > highBit && position < allocated && !header[`${group}3000`] ? [{ group, position }] : [];
  });
}

export function hasOverlayInPixels(header: DicomJson): boolean {
  return overlaysInPixels(header).length > 0;
}

/** Whether overlays in the pixels can be taken out of them: of grey values that begin at the lowest bit. */
export function areOverlaysReadable(header: DicomJson): boolean {
  const [bitsStored] = numbersOf(header, tag.bitsStored);
  const [highBit] = numbersOf(header, tag.highBit);
  const isAtLowest = bitsStored === undefined || highBit === undefined || highBit === bitsStored - 1;
  return isAtLowest && stringOf(header, tag.photometric).trim().startsWith("MONOCHROME");
}

const ofWholeCells = new WeakMap<DicomJson, DicomJson>();

/**
 * The header by which Cornerstone keeps the bits above signed values, in whose place it puts the sign otherwise. The
 * header itself where no overlay lies there.
 */
export function withOverlayBits(header: DicomJson): DicomJson {
  const isSigned = numbersOf(header, tag.signed)[0] === 1;
  if (!isSigned || !hasOverlayInPixels(header) || !areOverlaysReadable(header)) return header;
  const [allocated = 16] = numbersOf(header, tag.bitsAllocated);
  const changed: DicomJson = {
    ...header,
    [tag.bitsStored]: { vr: "US", Value: [allocated] },
    [tag.highBit]: { vr: "US", Value: [allocated - 1] },
  };
  ofWholeCells.set(changed, header);
  return changed;
}

/** The header as it was before `withOverlayBits`. */
export function statedHeader(header: DicomJson): DicomJson {
  return ofWholeCells.get(header) ?? header;
}

/** The bits at one position of the cells, the first of them the lowest of its byte, as those of an overlay's own data. */
export function bitsAt(
  position: number,
  pixels: Int16Array | Uint16Array | Float32Array,
  header: DicomJson,
  isRescaled: boolean,
): Uint8Array {
  const [slope = 1] = isRescaled ? numbersOf(header, tag.slope) : [];
  const [intercept = 0] = isRescaled ? numbersOf(header, tag.intercept) : [];
  const bits = new Uint8Array(Math.ceil(pixels.length / 8));
  for (let index = 0; index < pixels.length; index += 1) {
    const stored = Math.round(((pixels[index] ?? 0) - intercept) / slope);
    if ((stored >> position) & 1) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bits;
}

/**
 * Takes the bits above the value off, which belong to overlays and not to the pixels (PS3.5 8.1.1). `pixels`: whole cells,
 * rescaled by the slope and intercept of the header where `isRescaled`. Returns the least and the greatest value.
 */
export function withoutOverlayBits(
  pixels: Int16Array | Uint16Array | Float32Array,
  header: DicomJson,
  isRescaled: boolean,
): [number, number] {
  const [bitsStored = 16] = numbersOf(header, tag.bitsStored);
  const isSigned = numbersOf(header, tag.signed)[0] === 1;
  const [slope = 1] = isRescaled ? numbersOf(header, tag.slope) : [];
  const [intercept = 0] = isRescaled ? numbersOf(header, tag.intercept) : [];
  const [mask, sign] = [2 ** bitsStored - 1, 2 ** (bitsStored - 1)];
  let [least, most] = [Infinity, -Infinity];
  for (let index = 0; index < pixels.length; index += 1) {
    const stored = Math.round(((pixels[index] ?? 0) - intercept) / slope) & mask;
    const value = (isSigned && stored >= sign ? stored - 2 ** bitsStored : stored) * slope + intercept;
    pixels[index] = value;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

function scaled(header: DicomJson, name: string, scale: number): Record<string, DicomElement> {
  const element = header[name];
  const [value] = numbersOf(header, name);
  return element && value !== undefined ? { [name]: { ...element, Value: [value * scale] } } : {};
}
