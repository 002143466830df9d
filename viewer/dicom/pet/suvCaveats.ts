import type { DicomJson } from "@/dicom/dicomweb";
import { halfLifeConflictOf } from "@/dicom/pet/radionuclide";
import { suvGapOf } from "@/dicom/pet/suv";
import { suvDoubtsOf, type SuvDoubt } from "@/dicom/pet/suvDoubts";
import { messagesOf } from "@/shared/i18n";
import { currentLanguage } from "@/shared/i18n/language";
import { decimal } from "@/shared/lib/format";

type Gap = NonNullable<ReturnType<typeof suvGapOf>>;

/** Why the values of a PET have no SUV, or what in its header speaks against the one that they have. */
export type SuvCaveat =
  | { kind: "gap"; gap: Exclude<Gap, "half_life_conflict"> }
  | { kind: "half_life"; radionuclide: string; statedS: number; publishedS: number }
  | { kind: "doubt"; doubt: SuvDoubt };

/** None of an image that is no PET. */
export function suvCaveatsOf(dataset: DicomJson): SuvCaveat[] {
  const gap = suvGapOf(dataset);
  const doubts = suvDoubtsOf(dataset).map((doubt) => ({ kind: "doubt", doubt }) as const);
  if (gap === null) return doubts;
  if (gap !== "half_life_conflict") return [{ kind: "gap", gap }, ...doubts];
  const conflict = halfLifeConflictOf(dataset);
  return conflict ? [{ kind: "half_life", ...conflict }, ...doubts] : doubts;
}

/** Why a PET has no SUV; undefined of one that has, and of others. */
export function suvGapIn(dataset: DicomJson): SuvCaveat | undefined {
  return suvCaveatsOf(dataset).find(({ kind }) => kind !== "doubt");
}

export function suvCaveatText(caveat: SuvCaveat, language = currentLanguage()): string {
  const { warnings } = messagesOf(language).viewing;
  if (caveat.kind === "gap") return warnings.noSuv[caveat.gap];
  if (caveat.kind === "doubt") return warnings.suvDoubts[caveat.doubt];
  const [stated, published] = [caveat.statedS, caveat.publishedS].map((one) => decimal(Math.round(one)));
  return warnings.halfLife(caveat.radionuclide, stated ?? "", published ?? "");
}
