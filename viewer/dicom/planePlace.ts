import { directionLetters, dot, type Vector } from "@/dicom/geometry";

/** Towards the head, the left and the back: what the standard planes are counted along (LPS). */
const homes = { axial: [0, 0, 1], sagittal: [1, 0, 0], coronal: [0, 1, 0] } as const satisfies Record<string, Vector>;

/** Where a plane through a volume lies in the patient. */
export interface PlanePlace {
  /** The direction along its normal in which it lies, seen from the origin of the frame of reference: "H", "LP". */
  letters: string;
  /** How far that way, mm; never below 0. */
  distanceMm: number;
  /** Angle to the standard plane that it was before it was turned, 0 to 90. */
  tiltDegrees: number;
}

/** `normal`: of unit length, of either sense. `point`: any point of the plane, LPS in mm. */
export function planePlace(plane: keyof typeof homes, normal: Vector, point: Vector): PlanePlace {
  const home: Vector = [...homes[plane]];
  const sense = dot(normal, home) < 0 ? -1 : 1;
  const along = sense * dot(normal, point);
  const outwards = along < 0 ? -sense : sense;
  return {
    letters: directionLetters(normal.map((component) => outwards * component) as Vector),
    distanceMm: Math.abs(along),
    tiltDegrees: (Math.acos(Math.min(1, Math.abs(dot(normal, home)))) * 180) / Math.PI,
  };
}

/** A point turned about an axis of unit length through a centre, counterclockwise for who looks against the axis. */
export function turnedAbout(point: Vector, center: Vector, axis: Vector, degrees: number): Vector {
  const from: Vector = [point[0] - center[0], point[1] - center[1], point[2] - center[2]];
  const turned = turnedDirection(from, axis, degrees);
  return [turned[0] + center[0], turned[1] + center[1], turned[2] + center[2]];
}

/** The same for a direction (Rodrigues). */
export function turnedDirection(direction: Vector, axis: Vector, degrees: number): Vector {
  const angle = (degrees * Math.PI) / 180;
  const [x, y, z] = axis;
  const across: Vector = [
    y * direction[2] - z * direction[1],
    z * direction[0] - x * direction[2],
    x * direction[1] - y * direction[0],
  ];
  const along = dot(axis, direction) * (1 - Math.cos(angle));
  return [0, 1, 2].map(
    (at) => (direction[at] ?? 0) * Math.cos(angle) + (across[at] ?? 0) * Math.sin(angle) + (axis[at] ?? 0) * along,
  ) as Vector;
}
