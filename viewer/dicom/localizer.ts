/** Where a frame of ophthalmic tomography was taken, on the photograph that it names (PS3.3 C.8.17.10.1). */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  locations: "00220031",
  coordinates: "00220032",
  orientation: "00220039",
  referencedInstance: "00081155",
  referencedFrame: "00081160",
} as const;

export interface FrameLocation {
  /** The photograph, and its frame, from 1. */
  sopInstanceUid: string;
  frameNumber: number;
  /** Column and row, the first pixel's corner at 0, 0. */
  points: [number, number][];
  /** A rectangle, of a frame that lies along the photograph. */
  isClosed: boolean;
}

/** The places of a frame on photographs; a straight line has two points, any other scan one for each of its columns. */
export function frameLocations(dataset: DicomJson): FrameLocation[] {
  return itemsOf(dataset, tag.locations).flatMap((item) => {
    const numbers = numbersOf(item, tag.coordinates);
    const pairs: [number, number][] = [];
    // Each pair is row, then column.
    for (let at = 0; at + 1 < numbers.length; at += 2) pairs.push([numbers[at + 1] ?? 0, numbers[at] ?? 0]);
    const sopInstanceUid = stringOf(item, tag.referencedInstance);
    const isTransverse = stringOf(item, tag.orientation) === "TRANSVERSE";
    const points = isTransverse ? rectangleOf(pairs) : pairs;
    if (sopInstanceUid === "" || points.length < 2) return [];
    return [{ sopInstanceUid, frameNumber: numbersOf(item, tag.referencedFrame)[0] ?? 1, points, isClosed: isTransverse }];
  });
}

function rectangleOf([first, second]: readonly [number, number][]): [number, number][] {
  if (!first || !second) return [];
  return [first, [second[0], first[1]], second, [first[0], second[1]]];
}
