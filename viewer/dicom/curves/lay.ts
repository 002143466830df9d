import type { Vector } from "@/dicom/geometry";

/** How a straightened curve lies on the screen. */
export interface Lay {
  /** Down like a spine, its left on the right at 0°; or to the right like a dental arch, the head above at 0°. */
  runs: "down" | "right";
  /** From the head downwards, or from the patient's right on the left of the screen. */
  points: readonly Vector[];
  /** Across the curve at 0°: the right of a picture that runs down, the top of one that runs to the right. */
  towards: Vector;
}

const left: Vector = [1, 0, 0];
const head: Vector = [0, 0, 1];

/** A curve that reaches further from head to feet than any other way runs down. */
export function layOf(points: readonly Vector[]): Lay {
  const reach = [0, 1, 2].map((axis) => {
    const values = points.map((point) => point[axis] ?? 0);
    return Math.max(...values) - Math.min(...values);
  }) as Vector;
  const [first, last] = [points[0] ?? left, points.at(-1) ?? left];
  const runsDown = reach[2] >= Math.max(reach[0], reach[1]);
  const isBackwards = runsDown ? first[2] < last[2] : reach[0] >= reach[1] / 2 ? first[0] > last[0] : first[1] > last[1];
  const inOrder = isBackwards ? [...points].reverse() : points;
  return runsDown ? { runs: "down", points: inOrder, towards: left } : { runs: "right", points: inOrder, towards: head };
}
