import type { Vector } from "@/dicom/geometry";

/** The points of a curve, and how they were and will be again. */
export interface CurveSteps {
  points: readonly Vector[];
  past: readonly (readonly Vector[])[];
  future: readonly (readonly Vector[])[];
}

export const noCurve: CurveSteps = { points: [], past: [], future: [] };

/** `goesOn`: of a step that has begun, as while a point is dragged. */
export function changed({ points, past, future }: CurveSteps, next: readonly Vector[], goesOn = false): CurveSteps {
  return goesOn ? { points: next, past, future } : { points: next, past: [...past, points], future: [] };
}

export function undone(steps: CurveSteps): CurveSteps {
  const last = steps.past.at(-1);
  return last ? { points: last, past: steps.past.slice(0, -1), future: [...steps.future, steps.points] } : steps;
}

export function redone(steps: CurveSteps): CurveSteps {
  const next = steps.future.at(-1);
  return next ? { points: next, past: [...steps.past, steps.points], future: steps.future.slice(0, -1) } : steps;
}

/** Where a new point goes: between two when it lies on the curve between them, else at the end. */
export function placeForPoint(pointsMm: readonly number[], isBackwards: boolean, onCurveMm: number | null): number {
  const lengthMm = pointsMm.at(-1) ?? 0;
  if (onCurveMm === null || onCurveMm <= 0 || onCurveMm >= lengthMm) return pointsMm.length;
  const before = pointsMm.filter((mm) => mm <= onCurveMm).length;
  return isBackwards ? pointsMm.length - before : before;
}
