/** When which frame of a clip is shown. */
import { numbersOf } from "@/dicom/dicomweb";
import type { Slice } from "@/dicom/geometry";
import type { SliceOrder } from "@/dicom/sliceOrder";
import { statedRateOf } from "./cine";

/** Frames of a stack that are played round and round. */
export interface Clip {
  first: number;
  count: number;
  /** When each frame begins, ms from the start, and then when the round ends. */
  startsMs: readonly number[];
}

const frameTimeVector = "00181065";

/**
 * What is played from an image on: the frames of its instance, else the images of its place over time, else the whole
 * stack. Frames take as long as Frame Time Vector says (PS3.3 C.7.6.5.1.2), or as the rate does.
 */
export function clipAt({ slices, axis }: Pick<SliceOrder, "slices" | "axis">, index: number, chosenRate: number | null): Clip {
  const { first, count } = spanAt(slices, axis?.steps ?? 0, index);
  const dataset = slices[index]?.dataset ?? {};
  const vector = chosenRate === null ? numbersOf(dataset, frameTimeVector) : [];
  const isTimed = vector.length === count && vector.slice(1).every((ms) => ms > 0) && count > 1;
  const usualMs = 1000 / (chosenRate ?? statedRateOf(dataset));
  const startsMs = [0];
  for (let frame = 1; frame <= count; frame += 1) {
    // The vector tells how long after the one before each frame comes; after the last comes the first, as soon as usual.
    const gap = isTimed ? (vector[frame] ?? mean(vector.slice(1))) : usualMs;
    startsMs.push((startsMs.at(-1) ?? 0) + gap);
  }
  return { first, count, startsMs };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

function spanAt(slices: readonly Slice[], steps: number, index: number): { first: number; count: number } {
  if (steps > 1) return { first: index - (index % steps), count: steps };
  const uid = slices[index]?.sopInstanceUid;
  let [first, last] = [index, index];
  while (first > 0 && slices[first - 1]?.sopInstanceUid === uid) first -= 1;
  while (last + 1 < slices.length && slices[last + 1]?.sopInstanceUid === uid) last += 1;
  return last > first ? { first, count: last - first + 1 } : { first: 0, count: slices.length };
}

/** Which frame of the clip is on at a time since it began, from 0. */
export function frameAt({ startsMs, count }: Clip, elapsedMs: number): number {
  const round = startsMs[count] ?? 0;
  if (round <= 0) return 0;
  const at = elapsedMs % round;
  let frame = 0;
  while (frame + 1 < count && (startsMs[frame + 1] ?? Infinity) <= at) frame += 1;
  return frame;
}

/** The instances of a stack that are clips, in its order. */
export function clipInstances(slices: readonly Slice[]): string[] {
  const frames = new Map<string, number>();
  for (const { sopInstanceUid } of slices) frames.set(sopInstanceUid, (frames.get(sopInstanceUid) ?? 0) + 1);
  return [...frames].filter(([, count]) => count > 1).map(([uid]) => uid);
}
