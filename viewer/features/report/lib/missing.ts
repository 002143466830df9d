import type { Answer } from "@/shared/api/types";
import type { Messages } from "@/shared/i18n";
import type { Language } from "@/shared/i18n/language";

export type Missing = NonNullable<Answer["missing"]>[number];

/** A critical finding that is not stated, in the reader's language, with the sentence of its source. */
export function missingInWords(one: Missing, language: Language, t: Messages["report"]): string {
  const names = one.concepts.map((concept) => concept.names[language] ?? concept.names.en ?? concept.concept).join(", ");
  if (names === "") return t.criticalAlertMissing(one.sentence);
  return one.certainty === "uncertain" ? t.criticalUncertainMissing(names, one.sentence) : t.criticalMissing(names, one.sentence);
}
