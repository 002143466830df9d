/** Templates of reports: which one fits a study, and what of a text is still to be chosen or filled in. */
import type { EditedSection } from "@/features/report/lib/reportText";
import type { ReportTemplate, StudyDetail } from "@/shared/api/types";

/** What a template has to be for: of the study, as its series state it. */
export interface Wanted {
  /** The node gives those of it alone. */
  language: string;
  modalities: readonly string[];
  bodyParts: readonly string[];
}

export function wantedOf({ series }: Pick<StudyDetail, "series">, language: string): Wanted {
  const distinct = (values: readonly string[]) => [...new Set(values.filter(Boolean))];
  return {
    language,
    modalities: distinct(series.map(({ modality }) => modality)),
    bodyParts: distinct(series.map((one) => one.body_part_examined)),
  };
}

/** Those for one of the modalities and parts of the body; where they name the part first, each group by title. */
export function fitting(templates: readonly ReportTemplate[], wanted: Wanted): ReportTemplate[] {
  const parts = wanted.bodyParts.map((one) => one.toUpperCase());
  const isOfPart = (one: ReportTemplate) => one.body_parts.some((part) => parts.includes(part));
  const isOfAnyPart = (one: ReportTemplate) => one.body_parts.length === 0 || parts.length === 0;
  return templates
    .filter(({ modalities: of }) => of.length === 0 || of.some((one) => wanted.modalities.includes(one)))
    .filter((one) => isOfAnyPart(one) || isOfPart(one))
    .sort((a, b) => Number(isOfPart(b)) - Number(isOfPart(a)) || a.title.localeCompare(b.title));
}

/** Each section's text at the end of the one of its kind; a kind that the report lacks comes as a new section. */
export function withTemplate(
  edited: readonly EditedSection[],
  template: Pick<ReportTemplate, "sections">,
): EditedSection[] {
  return template.sections.reduce<EditedSection[]>(
    (sections, { heading, kind, text }) => {
      const place = sections.findIndex((one) => one.kind === kind);
      if (place < 0) return [...sections, { heading, kind, text }];
      return sections.map((one, number) =>
        number === place ? { ...one, text: [one.text.trimEnd(), text].filter(Boolean).join("\n") } : one,
      );
    },
    [...edited],
  );
}

/** Something that a template leaves to the reader, and where it stands. */
export interface OpenField {
  section: number;
  begin: number;
  end: number;
  /** What goes before it in its line. */
  before: string;
  /** To choose from, an empty one leaves the words out; none where something is filled in. */
  choices: readonly string[];
  /** Behind what is filled in. */
  unit: string;
}

// As in storage/reports/open_fields.py, which keeps a text that still has one from being signed.
const open = /\[(?:[^[\]|\n]*\|[^[\]\n]*|_{2,}[^[\]|\n]*)\]/g;

export function openFields(edited: readonly EditedSection[]): OpenField[] {
  return edited.flatMap(({ text }, section) =>
    [...text.matchAll(open)].map((match) => {
      const inner = match[0].slice(1, -1);
      const isChoice = inner.includes("|");
      return {
        section,
        begin: match.index,
        end: match.index + match[0].length,
        before: text.slice(text.lastIndexOf("\n", match.index) + 1, match.index).trim(),
        choices: isChoice ? inner.split("|").map((one) => one.trim()) : [],
        unit: isChoice ? "" : inner.replace(/^_+/, "").trim(),
      };
    }),
  );
}

/** The text with a value in the place of the field. A line of which nothing is left goes. */
export function filledIn(edited: readonly EditedSection[], field: OpenField, value: string): EditedSection[] {
  return edited.map((one, number) => {
    if (number !== field.section) return one;
    const put = value && field.unit ? `${value} ${field.unit}` : value;
    const head = one.text.slice(0, field.begin);
    const tail = one.text.slice(field.end);
    // Words that are left out leave no blank in front of the next sign.
    const text = put ? head + put + tail : head.replace(/ +$/, "") + tail.replace(/^ *(?=[.,;:\n]|$)/, "");
    const lines = text.split("\n");
    const line = head.split("\n").length - 1;
    const isNothingLeft = !put && /^[\s.,;:]*$/.test(lines[line] ?? "");
    return { ...one, text: isNothingLeft ? lines.filter((_, at) => at !== line).join("\n") : text };
  });
}
