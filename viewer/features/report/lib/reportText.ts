import type { Phrase, Report, ReportSection, ReportSentence, SentSection } from "@/shared/api/types";

/** A section as a person edits it: one sentence a line. */
export interface EditedSection {
  heading: string;
  kind: ReportSection["kind"];
  text: string;
  /** What lines that were put in from beside the report rest on. */
  bound?: Readonly<Record<string, readonly string[]>>;
}

export function toEdit(report: Pick<Report, "sections">): EditedSection[] {
  return report.sections.map(({ heading, kind, sentences }) => ({
    heading,
    kind,
    text: sentences.map((sentence) => sentence.text).join("\n"),
  }));
}

/**
 * Of a report as the page read it and as an order answered it, the later one. What waits beside a
 * text, and what was dismissed, changes its time alone and not its version.
 */
export function newest(read: Report | null, answered: Report | null): Report | null {
  if (!read || !answered || read.report_id !== answered.report_id) return answered ?? read;
  if (read.version !== answered.version) return read.version > answered.version ? read : answered;
  return Date.parse(read.updated_at) >= Date.parse(answered.updated_at) ? read : answered;
}

/**
 * What is sent of an edited text. A sentence that stands as it was keeps its findings by itself; one
 * that was changed brings those of the sentence in whose place it stands, and the node holds them
 * to its numbers.
 */
export function toSend(report: Pick<Report, "sections">, edited: readonly EditedSection[]): SentSection[] {
  return edited.map(({ heading, kind, text, bound = {} }, number) => {
    const before = report.sections[number]?.sentences ?? [];
    const lines = text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    return {
      heading,
      kind,
      sentences: lines.map((line, place) => ({
        text: line,
        finding_ids: [...(bound[line] ?? findingsOf(line, place, before, lines.length))],
      })),
    };
  });
}

function findingsOf(
  line: string,
  place: number,
  before: readonly ReportSentence[],
  lines: number,
): string[] {
  const same = before.find((sentence) => sentence.text === line);
  if (same) return same.finding_ids;
  // Where sentences were added or taken away, nobody knows whose place a new one took.
  return lines === before.length ? (before[place]?.finding_ids ?? []) : [];
}

export function isChanged(report: Pick<Report, "sections">, edited: readonly EditedSection[]): boolean {
  return JSON.stringify(toEdit(report)) !== JSON.stringify(edited);
}

/**
 * A text with the phrase in place of its word, where the cursor stands right behind "..word"; null
 * where there is none.
 */
export function expanded(
  text: string,
  cursor: number,
  phrases: readonly Phrase[],
): { text: string; cursor: number } | null {
  const match = /(?:^|\s)\.\.([^\s.]+)$/.exec(text.slice(0, cursor));
  const phrase = match && phrases.find((one) => one.word === match[1]);
  if (!match || !phrase) return null;
  const begin = cursor - (match[1]?.length ?? 0) - 2;
  return {
    text: text.slice(0, begin) + phrase.text + text.slice(cursor),
    cursor: begin + phrase.text.length,
  };
}

/** All findings that a sentence rests on, of this study and of an earlier one. */
export function restsOn(sentence: ReportSentence): string[] {
  return [...sentence.finding_ids, ...sentence.prior_finding_ids];
}

/** A sentence as a person sends it, with the findings that it rests on. */
export interface NewSentence {
  text: string;
  finding_ids: string[];
}

/** A sentence that is put into the report from beside it, in the report's language. */
export type Insertion = (language: string) => NewSentence;

/** What can be chosen, or dropped, to be put in. */
export interface Insertable {
  key: string;
  name: string;
  sentence: Insertion;
}

/** Each sentence on a line of its own, at the end of the findings; of the last section where there are none. */
export function withInsertions(
  edited: readonly EditedSection[],
  insertions: readonly Insertion[],
  language: string,
): EditedSection[] {
  const findings = edited.findIndex(({ kind }) => kind === "findings");
  const place = findings < 0 ? edited.length - 1 : findings;
  const put = insertions.map((sentence) => sentence(language)).filter(({ text }) => text.trim() !== "");
  const bound = Object.fromEntries(put.filter(({ finding_ids: ids }) => ids.length > 0).map((one) => [one.text, one.finding_ids]));
  return edited.map((section, number) =>
    number === place
      ? {
          ...section,
          text: [section.text.trimEnd(), ...put.map(({ text }) => text)].filter(Boolean).join("\n"),
          bound: { ...section.bound, ...bound },
        }
      : section,
  );
}
