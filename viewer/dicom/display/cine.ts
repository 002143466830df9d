import { numbersOf, type DicomJson } from "@/dicom/dicomweb";

const recommendedRate = "00082144";
const cineRate = "00180040";
const frameTimeMs = "00181063";
const usualRate = 10;

/** Frames per second as the header wants them played (PS3.3 C.7.6.5), 1 to 60. */
export function statedRateOf(dataset: DicomJson): number {
  const [recommended] = numbersOf(dataset, recommendedRate);
  const [cine] = numbersOf(dataset, cineRate);
  const [time] = numbersOf(dataset, frameTimeMs);
  const stated = recommended || cine || (time ? 1000 / time : 0) || usualRate;
  return Math.max(1, Math.min(60, stated));
}

/** The same as a whole number, for people. */
export function frameRateOf(dataset: DicomJson): number {
  return Math.round(statedRateOf(dataset));
}
