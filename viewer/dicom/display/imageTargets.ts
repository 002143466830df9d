import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  referencedImages: "00081140",
  referencedInstance: "00081155",
  referencedFrames: "00081160",
} as const;

/** The images that something is meant for, by SOP Instance UID with frame numbers; none: all. */
export type Target = ReadonlyMap<string, readonly number[]>;

export interface Aimed<T> {
  target: Target;
  value: T;
}

/** The Referenced Image Sequence of an item; an instance without frames stands for all of them. */
export function targetOf(item: DicomJson): Target {
  return new Map(
    itemsOf(item, tag.referencedImages).map((image) => [
      stringOf(image, tag.referencedInstance),
      numbersOf(image, tag.referencedFrames),
    ]),
  );
}

export function isMeantFor(target: Target, sopInstanceUid: string, frameNumber: number): boolean {
  if (target.size === 0) return true;
  const frames = target.get(sopInstanceUid);
  return frames !== undefined && (frames.length === 0 || frames.includes(frameNumber));
}

/** Those that are meant for a frame, in their order. */
export function meantFor<T>(aimed: readonly Aimed<T>[], sopInstanceUid: string, frameNumber: number): T[] {
  return aimed
    .filter(({ target }) => isMeantFor(target, sopInstanceUid, frameNumber))
    .map(({ value }) => value);
}
