import { text } from "@/shared/i18n";
import type { ReasonPart, Refusal, StudySummary } from "@/shared/api/types";

/** A reason in the language of the page; as the node wrote it where a part of it has no code, or one that is not known here. */
export function reasonText(reason: string, parts: readonly ReasonPart[] | undefined): string {
  const { sentences } = text().reasons;
  if (!sentences || !parts || parts.length === 0) return reason;
  const written = parts.map(({ code, parameters }) =>
    // A newer node may have codes that are not known here.
    Object.hasOwn(sentences, code) ? sentences[code](parameters as Parameters<(typeof sentences)[typeof code]>[0]) : null,
  );
  return written.includes(null) ? reason : written.join(" ");
}

/** The language of what `reasonText` gives, to be marked where it is not that of the page. */
export function reasonLanguage(reason: string, parts: readonly ReasonPart[] | undefined): "en" | undefined {
  return reasonText(reason, parts) === reason ? "en" : undefined;
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
