import { text } from "@/shared/i18n";
import type { DetailPart, EndPart, HealthPart, Job, ReasonPart, Refusal, StudySummary } from "@/shared/api/types";

type Part = ReasonPart | EndPart | DetailPart;
type Sentences = Readonly<Record<string, (values: Record<string, string>) => string>>;

/** A reason in the language of the page; as the node wrote it where a part of it has no code, or one that is not known here. */
export function reasonText(reason: string, parts: readonly ReasonPart[] | undefined): string {
  return written(reason, parts, text().reasons.sentences);
}

/** Why a job ended, likewise. */
export function endText({ reason, reason_parts: parts }: Pick<Job, "reason" | "reason_parts">): string {
  const { sentences, ends } = text().reasons;
  return written(reason, parts, sentences && ends && { ...sentences, ...ends });
}

/** What a job is doing, likewise; of a stage that a model names itself as the node writes it. */
export function stageText({ stage, stage_text: own }: Pick<Job, "stage" | "stage_text">): string {
  const known: Readonly<Record<string, string>> = text().reasons.stages;
  return (Object.hasOwn(known, stage) && known[stage]) || own || stage;
}

/** What a part of the node lacks, likewise. */
export function detailText({ detail, detail_parts: parts }: HealthPart): string {
  return written(detail, parts, text().reasons.health);
}

/** `lang` of what may be the node's own words, in English. */
export function languageOf(shown: string, own: string): "en" | undefined {
  return shown === own ? "en" : undefined;
}

function written(own: string, parts: readonly Part[] | undefined, sentences: unknown): string {
  if (!sentences || !parts || parts.length === 0) return own;
  const known = new Map(Object.entries(sentences as Sentences));
  // A newer node may have codes that are not known here.
  const shown = parts.map(({ code, parameters }) => known.get(code)?.(parameters) ?? null);
  return shown.includes(null) ? own : shown.join(" ");
}

/** The language of what `reasonText` gives, to be marked where it is not that of the page. */
export function reasonLanguage(reason: string, parts: readonly ReasonPart[] | undefined): "en" | undefined {
  return languageOf(reasonText(reason, parts), reason);
}

type Summary = Pick<StudySummary, "state" | "state_text" | "series_count"> & { refusals: readonly Refusal[] };

/** What the node says of where a study stands; why nothing was analysed, in the language of the page. */
export function studyStateText(study: Summary): string {
  if (!text().reasons.sentences || study.state !== "refused") return study.state_text;
  const fitting = study.refusals.filter(({ reason }) => study.state_text.includes(reason));
  const [main] = fitting.toSorted((one, other) => other.reason.length - one.reason.length);
  if (!main) return study.state_text;
  const translated = reasonText(main.reason, main.reason_parts);
  const series = study.series_count > 1 ? (main.series_number ?? null) : null;
  return translated === main.reason ? study.state_text : text().reasons.noAnalysisFits(series, translated);
}
