import { findingName } from "@/shared/lib/findingNames";
import { useText } from "@/shared/hooks/useText";
import { badgeOf, latestFeedback, statedText } from "@/shared/lib/feedback";
import type { Finding, ReportSentence } from "@/shared/api/types";

/** So many stand in the row; all of them below the text, once the sentence is looked at. */
const mostNamed = 3;

const colors = { good: "text-good", warn: "text-warn", bad: "text-bad", quiet: "", busy: "" } as const;

/** In short what vouches for a sentence: the values of its findings with their feedback, or where else it is from. */
export function SentenceEvidence({ sentence, findings }: { sentence: ReportSentence; findings: readonly Finding[] }) {
  const { report: t } = useText();
  const rests = findings.filter((one) => sentence.finding_ids.includes(one.finding_id));
  if (rests.length === 0 || sentence.basis !== "findings") return <>{t.table.bases[sentence.basis]}</>;
  const more = rests.length - mostNamed;
  return (
    <>
      {rests.slice(0, mostNamed).map((finding) => {
        const given = latestFeedback(finding);
        const badge = given && badgeOf(given);
        return (
          <span key={finding.finding_id} className="mr-2 inline-flex max-w-full items-baseline gap-1" data-testid="row-evidence" title={findingName(finding.label)}>
            {finding.segmentation && (
              <span
                aria-hidden="true"
                className="inline-block size-2 shrink-0 rounded-xs"
                style={{ backgroundColor: `rgb(${finding.segmentation.color_rgb.join(" ")})` }}
              />
            )}
            <span className="truncate">
              {finding.value === null ? findingName(finding.label) : statedText(finding)}
              <span className="sr-only">, {badge ? badge.word : t.table.unjudged}</span>
            </span>
            {badge && (
              <span aria-hidden="true" className={colors[badge.tone as keyof typeof colors] ?? ""}>
                {badge.sign}
              </span>
            )}
          </span>
        );
      })}
      {more > 0 && <span>{t.table.more(more)}</span>}
    </>
  );
}
