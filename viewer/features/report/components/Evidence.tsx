"use client";

import { findingName } from "@/shared/lib/findingNames";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useLanguage, useText } from "@/shared/hooks/useText";
import { feedbackText, latestFeedback, statedText } from "@/shared/lib/feedback";
import type { Finding, ReportSentence } from "@/shared/api/types";

/** What vouches for the sentence that one looks at. */
export function Evidence({
  sentence,
  findings,
}: {
  sentence: ReportSentence | null;
  findings: readonly Finding[];
}) {
  const { report: t } = useText();
  const language = useLanguage();
  const titles = usePipelineTitles();
  const rests = findings.filter((one) => sentence?.finding_ids.includes(one.finding_id));
  return (
    <div
      id="evidence"
      lang={language}
      data-testid="evidence"
      className="min-h-16 rounded-md border border-line bg-raised p-2.5 text-[0.8125rem]"
    >
      {!sentence && <p className="text-dim">{t.lookHint}</p>}
      {sentence && (
        <>
          <p className="text-xs text-dim">
            {t.bases[sentence.basis]}
            {sentence.prior_finding_ids.length > 0 && ` ${t.withPrior}`}
          </p>
          <ul className="mt-1 space-y-0.5">
            {rests.map((finding) => {
              const given = latestFeedback(finding);
              return (
                <li key={finding.finding_id} data-testid="evidence-finding">
                  {finding.segmentation && (
                    <span
                      aria-hidden="true"
                      className="mr-1.5 inline-block size-2 rounded-xs"
                      style={{ backgroundColor: `rgb(${finding.segmentation.color_rgb.join(" ")})` }}
                    />
                  )}
                  {findingName(finding.label)}
                  {finding.value !== null && (
                    <b className="ml-1.5">{statedText(finding)}</b>
                  )}
                  <span className="ml-1.5 text-xs text-dim">
                    {titles.of(finding.pipeline)} {finding.pipeline_version}
                    {given && ` · ${feedbackText(given)}`}
                  </span>
                </li>
              );
            })}
          </ul>
        </>
      )}
    </div>
  );
}
