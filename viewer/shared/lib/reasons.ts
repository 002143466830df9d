import { text } from "@/shared/i18n";
import type { ReasonPart, Refusal, StudySummary } from "@/shared/api/types";

/** A reason in the language of the page; as the node wrote it where a part of it has no code, or one that is not known here. */
export function reasonText(reason: string, parts: readonly ReasonPart[] | undefined): string {
  const { sentences } = text().reasons;
  if (!sentences || !parts || parts.length === 0) return reason;
  const said = parts.map(({ code, parameters }) =>
    // A newer node may have codes that are not known here.
    Object.hasOwn(sentences, code) ? sentences[code](parameters as Parameters<(typeof sentences)[typeof code]>[0]) : null,
  );
  return said.includes(null) ? reason : said.join(" ");
}

/** The language of what `reasonText` gives, to be marked where it is not that of the page. */
export function reasonLanguage(reason: string, parts: readonly ReasonPart[] | undefined): "en" | undefined {
  return reasonText(reason, parts) === reason ? "en" : undefined;
}

type Told = Pick<StudySummary, "state" | "state_text" | "series_count"> & { refusals: readonly Refusal[] };

/** What the node says of where a study stands; why nothing was analysed, in the language of the page. */
export function studyStateText(study: Told): string {
  if (!text().reasons.sentences || study.state !== "refused") return study.state_text;
  const told = study.refusals.filter(({ reason }) => study.state_text.includes(reason));
  const [main] = told.toSorted((one, other) => other.reason.length - one.reason.length);
  if (!main) return study.state_text;
  const said = reasonText(main.reason, main.reason_parts);
  const series = study.series_count > 1 ? (main.series_number ?? null) : null;
  return said === main.reason ? study.state_text : text().reasons.noAnalysisFits(series, said);
}
