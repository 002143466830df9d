import type { Measurement } from "@/dicom/measurements/measurement";

/**
 * Without what others sent of the reader's own: a drawing under its tracking UID, of the same kind
 * at the same place. One that they moved is another drawing.
 */
export function withoutCopies(all: readonly Measurement[]): Measurement[] {
  const own = all.filter(({ madeBy }) => madeBy === null);
  return all.filter(
    (one) =>
      one.madeBy === null ||
      !own.some((mine) => mine.trackingUid === one.madeBy?.trackingUid && isSamePlace(mine, one)),
  );
}

function isSamePlace(one: Measurement, other: Measurement): boolean {
  const placeOf = ({ kind, sopInstanceUid, frameNumber, points }: Measurement) =>
    JSON.stringify([kind, sopInstanceUid, frameNumber, points.map((point) => point.map((value) => value.toFixed(1)))]);
  return placeOf(one) === placeOf(other);
}
