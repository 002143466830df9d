/** What the windows of one reader say to each other, each on its own monitor: where they look, and through which window. */
import type { Vector } from "@/dicom/geometry";
import type { WindowRange } from "@/dicom/windowing";

export type StepMessage =
  /** A window opened, or answers one that did; it says so again as long as it is there. */
  | { kind: "here"; from: string; isAnswer: boolean }
  | { kind: "gone"; from: string }
  | ({ kind: "look"; from: string } & Look);

/** Where a person looks in one of the windows. */
export interface Look {
  studyInstanceUid: string;
  frameOfReferenceUid: string;
  lpsMm: Vector;
  modality: string;
  /** Null where the images have none. */
  window: WindowRange | null;
}

const isNumber = (one: unknown): one is number => typeof one === "number" && Number.isFinite(one);

/** What another window sent; null for what is none of these messages, as of another version of the pages. */
export function stepMessage(data: unknown): StepMessage | null {
  if (typeof data !== "object" || data === null) return null;
  const { kind, from, isAnswer, studyInstanceUid, frameOfReferenceUid, lpsMm, modality, window } = data as Record<string, unknown>;
  if (typeof from !== "string" || from === "") return null;
  if (kind === "here") return { kind, from, isAnswer: isAnswer === true };
  if (kind === "gone") return { kind, from };
  const isPoint = Array.isArray(lpsMm) && lpsMm.length === 3 && lpsMm.every(isNumber);
  if (kind !== "look" || !isPoint || typeof studyInstanceUid !== "string" || typeof frameOfReferenceUid !== "string") return null;
  const range = (window ?? {}) as Partial<WindowRange>;
  const isRange = isNumber(range.lower) && isNumber(range.upper) && range.upper > range.lower;
  return {
    kind,
    from,
    studyInstanceUid,
    frameOfReferenceUid,
    lpsMm: lpsMm as number[] as unknown as Vector,
    modality: typeof modality === "string" ? modality : "",
    window: isRange ? { lower: range.lower as number, upper: range.upper as number } : null,
  };
}

/** Whether a place that another window shows is one of the patient that is open here. */
export function isOfThisPatient(look: Look, studies: ReadonlyMap<string, unknown>): boolean {
  return look.frameOfReferenceUid !== "" && studies.has(look.studyInstanceUid);
}

/** After this long without a wheel, a key or the pointer pressed, what changes here was moved by another window. */
export const actingMs = 1_500;

/** Only the window that a person works in leads, so that two never move each other back and forth. */
export function leads(actedAt: number, now: number): boolean {
  return now - actedAt <= actingMs;
}
