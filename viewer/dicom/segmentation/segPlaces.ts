/** A SEG of images that state no place in the patient (films, photographs): each frame lies on the image that it names. */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { frameHeaders } from "@/dicom/frameHeader";
import { planeNormal, type Slice } from "@/dicom/geometry";
import { segFormOf, segmentsOfFrames, type SegForm, type SegObstacle } from "@/dicom/segmentation/segGrid";

const tag = {
  rows: "00280010",
  columns: "00280011",
  derivationImage: "00089124",
  sourceImage: "00082112",
  referencedInstance: "00081155",
  referencedFrame: "00081160",
  referencedSeries: "00081115",
  referencedInstances: "0008114A",
  shared: "52009229",
  perFrame: "52009230",
} as const;

export interface SegFrame {
  frameNumber: number;
  /** Null for a label map, whose pixels name the segments themselves. */
  segmentNumber: number | null;
  /** Of the images of the series that it lies on. */
  imageIndexes: readonly number[];
}

export interface SegPlaces extends SegForm {
  frames: readonly SegFrame[];
}

/** Whether neither the images nor the planes of a SEG state where they lie, so that names alone tell. */
export function hasNoPlaces(dataset: DicomJson, slices: readonly Slice[]): boolean {
  const [first] = slices;
  const [header] = frameHeaders(dataset);
  return first !== undefined && !planeNormal(first.dataset) && (header === undefined || !planeNormal(header));
}

/** Which images each frame lies on, by Derivation Image (PS3.3 C.7.6.16.2.6), else the only image that the SEG refers to. */
export function segPlacesOf(dataset: DicomJson, slices: readonly Slice[]): SegPlaces | SegObstacle {
  const form = segFormOf(dataset);
  if (typeof form === "string") return form;
  const only = onlyImageOf(dataset);
  const [shared] = itemsOf(dataset, tag.shared);
  const perFrame = itemsOf(dataset, tag.perFrame);
  const frames: SegFrame[] = [];
  const imagesOf = new Map<string, [number, Slice][]>();
  for (const [at, slice] of slices.entries()) {
    const images = imagesOf.get(slice.sopInstanceUid) ?? [];
    if (images.length === 0) imagesOf.set(slice.sopInstanceUid, images);
    images.push([at, slice]);
  }
  for (const [index, segmentNumber] of segmentsOfFrames(dataset, form.type).entries()) {
    const group = perFrame[index];
    const [named] = [group, shared].map((one) => (one ? sourcesOf(one) : [])).filter((one) => one.length > 0);
    const sources = named ?? only;
    const imageIndexes = sources.flatMap(({ sopInstanceUid, frameNumbers }) =>
      (imagesOf.get(sopInstanceUid) ?? []).flatMap(([at, { frameNumber }]) =>
        frameNumbers.length === 0 || frameNumbers.includes(frameNumber) ? [at] : [],
      ),
    );
    if (segmentNumber === undefined || imageIndexes.length === 0) return "geometry";
    frames.push({ frameNumber: index + 1, segmentNumber, imageIndexes });
  }
  const fits = frames.every(({ imageIndexes }) => imageIndexes.every((at) => hasMatrix(slices[at], form)));
  return fits ? { ...form, frames } : "geometry";
}

interface Source {
  sopInstanceUid: string;
  /** None: all of them. */
  frameNumbers: readonly number[];
}

/** The images that each frame names by Derivation Image, of its own. */
export function sourcesOfFrames(dataset: DicomJson): Source[][] {
  return itemsOf(dataset, tag.perFrame).map(sourcesOf);
}

function sourcesOf(group: DicomJson): Source[] {
  return itemsOf(group, tag.derivationImage).flatMap((derivation) => itemsOf(derivation, tag.sourceImage).map(sourceOf));
}

function sourceOf(item: DicomJson): Source {
  return { sopInstanceUid: stringOf(item, tag.referencedInstance), frameNumbers: numbersOf(item, tag.referencedFrame) };
}

function onlyImageOf(dataset: DicomJson): Source[] {
  const images = itemsOf(dataset, tag.referencedSeries).flatMap((series) => itemsOf(series, tag.referencedInstances));
  return images.length === 1 ? images.map(sourceOf) : [];
}

function hasMatrix(slice: Slice | undefined, { rows, columns }: SegForm): boolean {
  if (!slice) return false;
  return numbersOf(slice.dataset, tag.rows)[0] === rows && numbersOf(slice.dataset, tag.columns)[0] === columns;
}
