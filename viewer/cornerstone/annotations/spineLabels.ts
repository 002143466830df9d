import { levelAfter, nextLevel, openingLevel, type Direction, type Level } from "@/dicom/measurements/vertebrae";
import { FreeTextTool } from "./freeText";

export interface SpineLabelling {
  next: Level;
  direction: Direction;
}

const opening: SpineLabelling = { next: openingLevel, direction: "down" };

let now = opening;
let drawn: readonly string[] = [];
const listeners = new Set<() => void>();

/** Which level the next click names, and which way the clicks go. */
export const spineLabelling = {
  get: (): SpineLabelling => now,
  set(next: SpineLabelling): void {
    now = next;
    for (const listener of listeners) listener();
  },
  /** With another patient, the levels begin again. */
  begin(): void {
    drawn = [];
    spineLabelling.set(opening);
  },
  /** The labels that are drawn now; where the reader took some back or away, or back again, the next one goes along. */
  follow(labels: readonly string[], byReader: boolean): void {
    const next = byReader ? levelAfter(now.next, now.direction, drawn, labels) : now.next;
    drawn = labels;
    if (next !== now.next) spineLabelling.set({ ...now, next });
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** The level of this click; the neighbouring one is offered for the next. */
export function placeLevel(done: (label: string) => void): void {
  const { next, direction } = now;
  done(next);
  spineLabelling.set({ next: nextLevel(next, direction), direction });
}

/** Levels of the spine, named one after the other. */
export class SpineLabelTool extends FreeTextTool {
  static toolName = "SpineLabel";
}
