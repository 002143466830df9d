import type { DrawnSlice } from "@/cornerstone";
import { request } from "@/shared/api/http";
import { gzipped } from "@/features/reader/lib/masks/maskEdit";
import type { DrawnSegmentation, DrawnStructure, NewSegmentation } from "@/shared/api/types";

let structures: Promise<DrawnStructure[]> | null = null;

/** What a segment may stand for; read once. */
export function listStructures(): Promise<DrawnStructure[]> {
  structures ??= request("/api/v1/segmentations/structures").then(
    async (response) => ((await response.json()) as { items: DrawnStructure[] }).items,
  );
  structures.catch(() => (structures = null));
  return structures;
}

/** The newest version of each that readers drew in a study. */
export async function listDrawnSegmentations(studyInstanceUid: string, signal?: AbortSignal): Promise<DrawnSegmentation[]> {
  const response = await request(`/api/v1/studies/${studyInstanceUid}/segmentations`, { signal });
  return ((await response.json()) as { items: DrawnSegmentation[] }).items;
}

/** Stores it as SEG. The nth of `segments` has the number `numbers[n]` in the slices. */
export async function saveSegmentation(
  studyInstanceUid: string,
  stated: Omit<NewSegmentation, "slices">,
  numbers: readonly number[],
  slices: readonly DrawnSlice[],
): Promise<DrawnSegmentation> {
  const body = new FormData();
  body.append(
    "segmentation",
    JSON.stringify({
      ...stated,
      slices: slices.map(({ sopInstanceUid, frameNumber }) => ({ sop_instance_uid: sopInstanceUid, frame_number: frameNumber })),
    }),
  );
  body.append("labels", await gzipped(slices.map(({ labels }) => renumbered(labels, numbers))), "labels.gz");
  const response = await request(`/api/v1/studies/${studyInstanceUid}/segmentations`, { method: "POST", body });
  return (await response.json()) as DrawnSegmentation;
}

/** The nth of `numbers` becomes n, from 1; others become 0. */
export function renumbered(labels: Uint8Array, numbers: readonly number[]): Uint8Array {
  const places = new Uint8Array(256);
  for (const [index, number] of numbers.entries()) places[number] = index + 1;
  return labels.map((label) => places[label] ?? 0);
}
