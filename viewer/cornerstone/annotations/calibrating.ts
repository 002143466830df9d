import { handCalibrations } from "@/dicom/calibration/byHand";
import { calibrateByHand, mayCalibrateByHand, statedCalibrationOf } from "@/dicom/calibration/calibration";
import { stringOf } from "@/dicom/dicomweb";
import type { Measurement } from "@/dicom/measurements/measurement";
import type { Slice } from "@/dicom/geometry";

const modality = "00080060";

/** Whether a line can say how large the pixels of its image are. */
export function mayCalibrate({ kind }: Measurement, slice: Slice | undefined): boolean {
  return kind === "length" && slice !== undefined && mayCalibrateByHand(statedCalibrationOf(slice.dataset));
}

/** Makes a line the measure of its image; false where its pixels would have no plausible size. */
export function calibrate({ points, sopInstanceUid }: Measurement, slice: Slice, lengthMm: number): boolean {
  const [start, end] = points;
  if (!start || !end) return false;
  const byHand = { points: [start, end] as const, lengthMm };
  const found = calibrateByHand(statedCalibrationOf(slice.dataset), byHand, stringOf(slice.dataset, modality));
  if (found) handCalibrations.set(sopInstanceUid, byHand);
  return found !== null;
}

/** What the node keeps of measurements calibrates their images again. */
export function takeCalibrations(measurements: readonly Measurement[]): void {
  for (const { sopInstanceUid, handCalibration } of measurements) {
    if (handCalibration) handCalibrations.set(sopInstanceUid, handCalibration);
  }
}

/** Back to the calibrations of a list: an image of which it knows none is as its header says. */
export function restoreCalibrations(measurements: readonly Measurement[]): void {
  handCalibrations.clear();
  takeCalibrations(measurements);
}

/** A calibration is kept with what is drawn on its image, and goes with the last of it. */
export function dropUnused(measurements: readonly Measurement[]): void {
  const drawnOn = new Set(measurements.map(({ sopInstanceUid }) => sopInstanceUid));
  for (const uid of [...handCalibrations.keys()]) if (!drawnOn.has(uid)) handCalibrations.delete(uid);
}
