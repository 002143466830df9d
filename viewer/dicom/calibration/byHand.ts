/** A line that a person drew over something of known length: it calibrates its image by hand. */
export interface HandCalibration {
  /** Both ends, column and row as in PS3.3 C.18.6.1.1. */
  points: readonly [readonly [number, number], readonly [number, number]];
  lengthMm: number;
}

export const greatestLengthMm = 10_000;

/** Which images of the open study are calibrated by hand, by SOPInstanceUID. */
export const handCalibrations = new Map<string, HandCalibration>();

export function isSameCalibration(one: HandCalibration | null, other: HandCalibration | null): boolean {
  const parts = (of: HandCalibration | null) => of && JSON.stringify([of.lengthMm, of.points.map((point) => point.map((value) => value.toFixed(3)))]);
  return parts(one) === parts(other);
}
