/** Changes of single sentences of a report, as the node takes them: always the whole text. */
import { findingName } from "@/shared/lib/findingNames";
import { messagesOf } from "@/shared/i18n";
import { nodeLanguages, type Language } from "@/shared/i18n/language";
import type { NewSentence } from "@/features/report/lib/reportText";
import { countsNone, isComparable, isImplausible, isTruncated, latestFeedback, valueText } from "@/shared/lib/feedback";
import type { Finding, Report, ReportSentence, SentSection } from "@/shared/api/types";

/** A place in the text: before the sentence that is there, or at the end of its section. */
export interface Spot {
  section: number;
  sentence: number;
}

type Text = Pick<Report, "sections">;

const standing = ({ text, finding_ids }: ReportSentence): NewSentence => ({ text, finding_ids });

/** The text as it is, to be sent again. */
export function asSent({ sections }: Text): SentSection[] {
  return sections.map(({ heading, kind, sentences }) => ({ heading, kind, sentences: sentences.map(standing) }));
}

function spliced(report: Text, { section, sentence }: Spot, taken: number, put: NewSentence[]): SentSection[] {
  return asSent(report).map((one, number) =>
    number === section ? { ...one, sentences: (one.sentences as NewSentence[]).toSpliced(sentence, taken, ...put) } : one,
  );
}

/** Each line is a sentence; what it rests on goes with it, as far as the node finds its numbers there. */
export function reworded(report: Text, spot: Spot, text: string): SentSection[] {
  const before = report.sections[spot.section]?.sentences[spot.sentence];
  return spliced(report, spot, before ? 1 : 0, linesOf(text, before?.finding_ids ?? []));
}

export function removed(report: Text, spot: Spot): SentSection[] {
  return spliced(report, spot, 1, []);
}

export function inserted(report: Text, spot: Spot, one: NewSentence): SentSection[] {
  return spliced(report, spot, 0, linesOf(one.text, one.finding_ids));
}

function linesOf(text: string, finding_ids: string[]): NewSentence[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").map((line) => ({ text: line, finding_ids }));
}

/** What a sentence rests on and nobody has judged; truncated and implausible ones are to be looked at one by one. */
export function acceptable({ basis, finding_ids }: ReportSentence, findings: readonly Finding[]): Finding[] {
  // What the node says beside them, such as what was not assessed, is no statement of theirs.
  if (basis !== "findings") return [];
  return findings.filter(
    (one) => finding_ids.includes(one.finding_id) && latestFeedback(one) === null && isComparable(one),
  );
}

/** "Left hippocampus: 3.21 cm³." in the report's language, with what limits the value. */
export function findingSentence(finding: Finding, reportLanguage: string): NewSentence {
  const language: Language = nodeLanguages.find((known) => known === reportLanguage) ?? "en";
  const { reader } = messagesOf(language);
  const given = latestFeedback(finding);
  const corrected = given?.kind === "CORRECTED" ? given : null;
  const number = corrected?.value ?? finding.value;
  const unit = (number === corrected?.value ? corrected.unit : finding.unit)?.value ?? "";
  const value = number === null ? "" : valueText(number, unit, language);
  const limited = isImplausible(finding) ? reader.doubted(value) : isTruncated(finding) ? reader.partOnly(value) : value;
  const label = corrected?.label || findingName(finding.label, language);
  if (countsNone(finding)) return { text: reader.noneFoundSentence(label), finding_ids: [finding.finding_id] };
  return { text: `${label}${value && `: ${limited}`}.`, finding_ids: [finding.finding_id] };
}
