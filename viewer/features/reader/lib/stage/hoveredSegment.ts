import type { LoadedMask } from "@/cornerstone";

/** Names a segment of a stored segmentation, as rows of the panels carry it. */
export function segmentName(sopInstanceUid: string, segmentNumber: number): string {
  return `${sopInstanceUid} ${segmentNumber}`;
}

/** The segment of that name among the masks that are drawn; null where it is none of them. */
export function segmentNamed(name: string, masks: readonly LoadedMask[]): { mask: LoadedMask; segmentNumber: number } | null {
  for (const mask of masks) {
    const segment = mask.segments.find(({ segmentNumber }) => segmentName(mask.sopInstanceUid, segmentNumber) === name);
    if (segment) return { mask, segmentNumber: segment.segmentNumber };
  }
  return null;
}
