import { messagesOf } from "@/shared/i18n";
import { currentLanguage, type Language } from "@/shared/i18n/language";
import type { CaveatPart } from "@/shared/api/types";

type Names = Partial<Record<string, string>>;

/** A structure as the node's own pipelines call it, in another language; null of a name that is of another model. */
function knownName(name: string, language: Language): string | null {
  const { structures, sides } = messagesOf(language).findingNames;
  const whole = (structures as Names)[name.toLowerCase()];
  if (whole) return whole;
  const [, side = "", of = ""] = /^(left|right) (.+)$/i.exec(name) ?? [];
  const sided = (structures as Names)[of.toLowerCase()];
  return sided ? `${sided} ${sides[side.toLowerCase() as keyof typeof sides]}` : null;
}

/** What the node's own pipelines call a structure, in the language of the page; names of other models stay as they are. */
export function structureName(name: string, language: Language = currentLanguage()): string {
  return (language === "en" ? null : knownName(name, language)) ?? name;
}

/** The same of what is measured of it. */
export function measureName(measure: string, language: Language = currentLanguage()): string {
  return (messagesOf(language).findingNames.measures as Names)[measure] ?? measure;
}

/** "Left lung mean density" → "Lunge links, mittlere Dichte". */
export function findingName(label: string, language: Language = currentLanguage()): string {
  if (language === "en") return label;
  const whole = knownName(label, language);
  if (whole) return whole;
  const measure = Object.keys(messagesOf(language).findingNames.measures).find((one) => label.endsWith(` ${one}`));
  const subject = measure === undefined ? null : knownName(label.slice(0, -measure.length - 1), language);
  return measure === undefined || subject === null ? label : `${subject}, ${measureName(measure, language)}`;
}

/** What makes a value doubtful, in the language of the page; null where only the node's own sentence says it. */
export function caveatSentence({ kind, limits }: CaveatPart): string | null {
  const sentences = messagesOf(currentLanguage()).reasons.caveats;
  return sentences && kind !== "other" && kind !== "part_of_series" ? sentences[kind](limits) : null;
}
