import { findingValue, unitSymbol } from "@/shared/lib/format";
import { text } from "@/shared/i18n";
import { currentLanguage, type Language } from "@/shared/i18n/language";
import type { Tone } from "@/shared/lib/state";
import type { Feedback, Finding, NewFeedback } from "@/shared/api/types";

/** The latest feedback is what counts. */
export function latestFeedback(finding: Finding): Feedback | null {
  return finding.feedback?.at(-1) ?? null;
}

const signs: Record<Feedback["kind"], { sign: string; tone: Tone }> = {
  ACCEPTED: { sign: "✓", tone: "good" },
  REJECTED: { sign: "✗", tone: "bad" },
  CORRECTED: { sign: "✎", tone: "warn" },
};

export function badgeOf(given: Feedback): { word: string; sign: string; tone: Tone } {
  return { word: text().reader.feedbackKinds[given.kind], ...signs[given.kind] };
}

/** A number with its unit: "1.73 L". */
export function valueText(value: number, ucum: string, language: Language = currentLanguage()): string {
  return `${findingValue(value, ucum, language)} ${unitSymbol(ucum, language)}`.trim();
}

/**
 * Whether the value is that of a part, because the images cut the structure off. What a person gave
 * instead is the value of the whole.
 */
export function isTruncated(finding: Finding): boolean {
  const given = latestFeedback(finding);
  const corrected = given?.kind === "CORRECTED" && given.value !== null;
  return finding.validity?.state === "truncated" && !corrected;
}

/** Whether the value failed a check of what the model found, and nobody has given another. */
export function isImplausible(finding: Finding): boolean {
  const given = latestFeedback(finding);
  const corrected = given?.kind === "CORRECTED" && given.value !== null;
  return finding.validity?.state === "implausible" && !corrected;
}

/** Whether the value stands for the structure, so that it may be compared. */
export function isComparable(finding: Finding): boolean {
  return !isTruncated(finding) && !isImplausible(finding);
}

/** "cut off on the left and at the top": the text beside a truncated value. */
export function truncationText(finding: Finding): string {
  const { sides, and, cutOff } = text().reader;
  return cutOff((finding.validity?.cut_off_at ?? []).map((one) => sides[one]).join(` ${and} `));
}

/** The value with its unit; of a truncated one, that it is of a part alone. */
export function statedText(finding: Finding): string {
  const value = valueText(finding.value ?? 0, finding.unit?.value ?? "");
  if (isImplausible(finding)) return text().reader.doubted(value);
  return isTruncated(finding) ? text().reader.partOnly(value) : value;
}

/**
 * Whether it counts none of what the algorithm looked for, and no person has given another number:
 * what it marked, and not what is there.
 */
export function countsNone(finding: Finding): boolean {
  const given = latestFeedback(finding);
  const corrected = given?.kind === "CORRECTED" && given.value !== null;
  return finding.value === 0 && finding.code.value === "NUMBERFOUND" && !corrected;
}

/** "Corrected to 4.20 cm³" or "Accepted": the feedback, without who and why. */
export function feedbackText(given: Feedback): string {
  const { word } = badgeOf(given);
  if (given.kind !== "CORRECTED") return word;
  const parts = [
    given.value === null ? "" : valueText(given.value, given.unit?.value ?? ""),
    given.label ? `“${given.label}”` : "",
  ].filter(Boolean);
  return text().reader.correctedTo(parts.join(", "));
}

/** A number as a person types it, with a point or a comma; null where it is none. */
export function typedNumber(typed: string): number | null {
  const plain = typed.trim().replace(/^([+-]?\d+),(\d+)$/, "$1.$2");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

export type Draft =
  | { feedback: NewFeedback; problem: null }
  | { feedback: null; problem: string };

/** What is sent, or the sentence that says what is missing. */
export function draftOf(
  finding: Finding,
  kind: Feedback["kind"],
  typed: string,
  reason: string,
): Draft {
  if (kind === "ACCEPTED") return { feedback: { kind, label: "", reason }, problem: null };
  if (reason.trim() === "") {
    return { feedback: null, problem: text().reader.sayWhy };
  }
  if (kind === "REJECTED") return { feedback: { kind, label: "", reason }, problem: null };
  if (finding.value === null) {
    const label = typed.trim();
    if (label) return { feedback: { kind, label, reason }, problem: null };
    return { feedback: null, problem: text().reader.writeName };
  }
  const value = typedNumber(typed);
  if (value === null) {
    return { feedback: null, problem: text().reader.writeValue };
  }
  return { feedback: { kind, value, label: "", reason }, problem: null };
}
