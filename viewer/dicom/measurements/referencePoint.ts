import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { dot, pixelSpacingOf, planeNormal, vector, type Slice, type Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";

const tag = { frameOfReference: "00200052", imagePosition: "00200032", imageOrientation: "00200037" } as const;

/** A place of the patient that a reader marked, to be found again in every view of its frame of reference. */
export interface ReferencePoint {
  lpsMm: Vector;
  frameOfReferenceUid: string;
}

/** Where it lies in a view: column and row (the first pixel's corner at 0, 0), and how far before or behind its plane. */
export interface PlacedReference {
  column: number;
  row: number;
  offMm: number;
}

/** Null where images have no frame of reference, and with it no place that others share. */
export function referencePoint(lpsMm: Vector, slices: readonly Slice[]): ReferencePoint | null {
  const frameOfReferenceUid = frameOf(slices[0]?.dataset);
  return frameOfReferenceUid ? { lpsMm, frameOfReferenceUid } : null;
}

/** On an image of a stack, seen along the normal; null in another frame of reference, or without a plane. */
export function referenceOnImage({ lpsMm, frameOfReferenceUid }: ReferencePoint, dataset: DicomJson): PlacedReference | null {
  const origin = vector(numbersOf(dataset, tag.imagePosition));
  const cosines = numbersOf(dataset, tag.imageOrientation);
  const [along, down, normal, spacing] = [vector(cosines, 0), vector(cosines, 3), planeNormal(dataset), pixelSpacingOf(dataset)];
  if (!origin || !along || !down || !normal || !spacing || frameOf(dataset) !== frameOfReferenceUid) return null;
  const from = minus(lpsMm, origin);
  // The position is that of the first pixel's centre, half a pixel within the image.
  return { column: dot(from, along) / spacing[1] + 0.5, row: dot(from, down) / spacing[0] + 0.5, offMm: dot(from, normal) };
}

/** On a plane through a volume whose images lie in `dataset`'s frame of reference. */
export function referenceOnPlane({ lpsMm, frameOfReferenceUid }: ReferencePoint, plane: ImagePlane, dataset: DicomJson): PlacedReference | null {
  if (frameOf(dataset) !== frameOfReferenceUid) return null;
  const { origin, nextColumn: across, nextRow: down } = plane;
  const from = minus(lpsMm, origin);
  const normal: Vector = [
    across[1] * down[2] - across[2] * down[1],
    across[2] * down[0] - across[0] * down[2],
    across[0] * down[1] - across[1] * down[0],
  ];
  return {
    column: dot(from, across) / dot(across, across) + 0.5,
    row: dot(from, down) / dot(down, down) + 0.5,
    offMm: dot(from, normal) / Math.hypot(...normal),
  };
}

function frameOf(dataset: DicomJson | undefined): string {
  return dataset ? stringOf(dataset, tag.frameOfReference) : "";
}

function minus(one: Vector, other: Vector): Vector {
  return [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
}
