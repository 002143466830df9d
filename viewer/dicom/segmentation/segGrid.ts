/** A SEG (PS3.3 C.8.20) as planes of its own in the patient, whatever the grid of the images that it segments. */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { frameHeaders, framesIn, mostFrames } from "@/dicom/frameHeader";
import { cross, dot, vector, type Vector } from "@/dicom/geometry";
import { extentOf } from "@/shared/lib/extent";

const tag = {
  frameOfReference: "00200052",
  position: "00200032",
  orientation: "00200037",
  spacing: "00280030",
  between: "00180088",
  thickness: "00180050",
  rows: "00280010",
  columns: "00280011",
  bitsAllocated: "00280100",
  type: "00620001",
  segments: "00620002",
  segmentNumber: "00620004",
  identification: "0062000A",
  referencedSegment: "0062000B",
  mostFractional: "0062000E",
  shared: "52009229",
  perFrame: "52009230",
} as const;

export type SegmentationType = "BINARY" | "FRACTIONAL" | "LABELMAP";

export interface SegPlane {
  frameNumber: number;
  /** Null for a label map, whose pixels name the segments themselves. */
  segmentNumber: number | null;
  /** The centre of the first pixel: LPS, mm. */
  origin: Vector;
  /** Along the normal, mm. */
  heightMm: number;
}

/** How the pixels of a SEG are stored, and which segments it has. */
export interface SegForm {
  type: SegmentationType;
  columns: number;
  rows: number;
  bitsAllocated: 1 | 8 | 16;
  /** The stored value that means all of it, of a fractional one. */
  mostFractional: number;
  segmentNumbers: readonly number[];
}

export interface SegGrid extends SegForm {
  frameOfReferenceUid: string;
  along: Vector;
  down: Vector;
  normal: Vector;
  columnSpacingMm: number;
  rowSpacingMm: number;
  /** So far from the middle of a plane what it says holds on either side. */
  reachMm: number;
  planes: readonly SegPlane[];
}

/** Why a segmentation cannot be brought onto other images. */
export type SegObstacle = "geometry" | "directions" | "pixels" | "too_large";

/** 400 MB as they are stored, a byte each; several times that takes a browser down. */
const mostPixels = 400_000_000;
const sameDirection = 1e-3;
const sameMm = 0.01;

/** Reads how a SEG is stored, or says why it cannot be brought onto images. */
export function segFormOf(dataset: DicomJson): SegForm | SegObstacle {
  const first = (of: string) => numbersOf(dataset, of)[0];
  const [rows, columns, bitsAllocated] = [first(tag.rows), first(tag.columns), first(tag.bitsAllocated)];
  const type = stringOf(dataset, tag.type);
  if (!rows || !columns || (bitsAllocated !== 1 && bitsAllocated !== 8 && bitsAllocated !== 16)) return "pixels";
  if (type !== "BINARY" && type !== "FRACTIONAL" && type !== "LABELMAP") return "pixels";
  // A mask of sixteen bits names more segments than are drawn; a fraction has eight.
  if ((type === "BINARY") !== (bitsAllocated === 1) || (type === "FRACTIONAL" && bitsAllocated !== 8)) return "pixels";
  if (rows * columns * framesIn(dataset) > mostPixels || framesIn(dataset) > mostFrames) return "too_large";
  const segmentNumbers = itemsOf(dataset, tag.segments).flatMap((item) => numbersOf(item, tag.segmentNumber).slice(0, 1));
  return { type, rows, columns, bitsAllocated, mostFractional: first(tag.mostFractional) ?? 255, segmentNumbers };
}

/** Of each frame, the segment that its group names; null for a label map, undefined where none is named. */
export function segmentsOfFrames(dataset: DicomJson, type: SegmentationType): (number | null | undefined)[] {
  const [shared] = itemsOf(dataset, tag.shared);
  const perFrame = itemsOf(dataset, tag.perFrame);
  return Array.from({ length: Math.min(framesIn(dataset), mostFrames) }, (_, index) =>
    type === "LABELMAP" ? null : (segmentOf(perFrame[index]) ?? segmentOf(shared)),
  );
}

/** Reads where the planes of a SEG lie from its header; or says what is missing. */
export function segGridOf(dataset: DicomJson): SegGrid | SegObstacle {
  const form = segFormOf(dataset);
  if (typeof form === "string") return form;
  const headers = frameHeaders(dataset);
  const [header] = headers;
  const axes = header && axesOf(header);
  const [rowSpacingMm, columnSpacingMm] = header ? numbersOf(header, tag.spacing) : [];
  if (!axes || !header || !rowSpacingMm || !columnSpacingMm) return "geometry";
  const { along, down, normal } = axes;
  const planes: SegPlane[] = [];
  const segments = segmentsOfFrames(dataset, form.type);
  for (const [index, one] of headers.entries()) {
    const own = axesOf(one);
    const origin = vector(numbersOf(one, tag.position));
    if (!own || !origin) return "geometry";
    if (1 - dot(own.along, along) > sameDirection || 1 - dot(own.down, down) > sameDirection) return "directions";
    const segmentNumber = segments[index];
    if (segmentNumber === undefined) return "geometry";
    planes.push({ frameNumber: index + 1, segmentNumber, origin, heightMm: dot(origin, normal) });
  }
  // Empty planes may be left out (PS3.3 C.8.20.2.3.1): the gap of two may be more than the distance of planes.
  const spacing = numbersOf(header, tag.between)[0] || leastGap(planes) || numbersOf(header, tag.thickness)[0];
  if (!spacing) return "geometry";
  return {
    ...form,
    frameOfReferenceUid: stringOf(dataset, tag.frameOfReference),
    along,
    down,
    normal,
    columnSpacingMm,
    rowSpacingMm,
    reachMm: spacing / 2,
    planes,
  };
}

function axesOf(header: DicomJson): { along: Vector; down: Vector; normal: Vector } | null {
  const cosines = numbersOf(header, tag.orientation);
  const [along, down] = [vector(cosines), vector(cosines, 3)];
  if (!along || !down || Math.abs(dot(along, down)) > sameDirection) return null;
  return { along, down, normal: cross(along, down) };
}

function segmentOf(group: DicomJson | undefined): number | undefined {
  const [item] = group ? itemsOf(group, tag.identification) : [];
  return item && numbersOf(item, tag.referencedSegment)[0];
}

function leastGap(planes: readonly SegPlane[]): number | null {
  const heights = planes.map(({ heightMm }) => heightMm).toSorted((a, b) => a - b);
  const gaps = heights.slice(1).flatMap((height, index) => {
    const gap = height - (heights[index] ?? 0);
    return gap > sameMm ? [gap] : [];
  });
  return gaps.length > 0 ? extentOf(gaps)[0] : null;
}

/** The pixels of a frame as the node hands them out: of one bit, each from the lowest bit of a byte. */
export function segPixels({ columns, rows, bitsAllocated }: SegForm, frame: ArrayBuffer): Uint8Array | Uint16Array {
  const count = columns * rows;
  if (frame.byteLength < Math.ceil((count * bitsAllocated) / 8)) throw new RangeError("short frame");
  if (bitsAllocated === 8) return new Uint8Array(frame, 0, count);
  if (bitsAllocated === 16) return new Uint16Array(frame.slice(0, count * 2));
  const bytes = new Uint8Array(frame);
  return Uint8Array.from({ length: count }, (_, at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1);
}
