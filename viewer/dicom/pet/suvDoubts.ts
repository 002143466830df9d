/** What in the header of a PET speaks against the SUV that its other statements give. */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { realWorldOf } from "@/dicom/display/realWorld";
import { instantOfImage, suvFactorOf } from "@/dicom/pet/suv";

const tag = {
  decayCorrection: "00541102",
  decayFactor: "00541321",
  frameDurationMs: "00181242",
  radiopharmaceutical: "00540016",
  halfLifeS: "00181075",
} as const;

export type SuvDoubt = "decay_factor" | "real_world";

/** An image that states no duration is taken for one of half an hour at most. */
const longestMs = 1_800_000;
/** What scanners round, and how they average decay over a frame. */
const decayTolerance = 0.1;
const mapTolerance = 0.02;

/** None of an image that has no SUV. */
export function suvDoubtsOf(dataset: DicomJson): SuvDoubt[] {
  const factor = suvFactorOf(dataset);
  if (factor === null) return [];
  const doubts: SuvDoubt[] = [];
  if (isDecayFactorOfAnotherTime(dataset)) doubts.push("decay_factor");
  const map = realWorldOf(dataset);
  const isAnotherSuv = map?.unit === "g/ml{SUVbw}" && (map.intercept !== 0 || Math.abs(map.slope / factor - 1) > mapTolerance);
  if (isAnotherSuv) doubts.push("real_world");
  return doubts;
}

/** The Decay Factor (PS3.3 C.8.9.4.1.7) is that from the frame back to the time that the activity was corrected to. */
function isDecayFactorOfAnotherTime(dataset: DicomJson): boolean {
  const [stated] = numbersOf(dataset, tag.decayFactor);
  const [drug] = itemsOf(dataset, tag.radiopharmaceutical);
  const halfLifeS = drug && numbersOf(drug, tag.halfLifeS)[0];
  const times = instantOfImage(dataset);
  if (!stated || !halfLifeS || !times || stringOf(dataset, tag.decayCorrection).trim() !== "START") return false;
  const [durationMs = longestMs] = numbersOf(dataset, tag.frameDurationMs);
  const decayed = (milliseconds: number) => 2 ** (milliseconds / 1000 / halfLifeS);
  const since = times.acquired - times.scanned;
  const [least, most] = [decayed(since), decayed(since + Math.max(0, durationMs))];
  return stated < least * (1 - decayTolerance) || stated > most * (1 + decayTolerance);
}
