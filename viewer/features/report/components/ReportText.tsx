"use client";

import { useEffect, useRef, useState } from "react";
import { Evidence } from "@/features/report/components/Evidence";
import { useText } from "@/shared/hooks/useText";
import { restsOn } from "@/features/report/lib/reportText";
import type { Finding, Report, ReportSentence } from "@/shared/api/types";

/** A glance is no wish to be taken elsewhere. */
const restMs = 350;

/** The report sentence by sentence; one that is looked at shows what it rests on, here and in the image. */
export function ReportText({
  report,
  findings,
  onShow,
}: {
  report: Report;
  findings: readonly Finding[];
  onShow: (finding: Finding) => void;
}) {
  const { report: t } = useText();
  const [looked, setLooked] = useState<ReportSentence | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const show = (sentence: ReportSentence) => {
    const ids = restsOn(sentence);
    const finding = findings.find((one) => ids.includes(one.finding_id) && one.segmentation);
    if (finding) onShow(finding);
  };
  const look = (sentence: ReportSentence) => {
    setLooked(sentence);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => show(sentence), restMs);
  };
  return (
    <div lang={report.language || "en"} data-testid="report" className="space-y-3">
      {report.sections.map((section, number) => (
        <section key={`${section.heading}${number}`}>
          <h3 className={`font-medium ${section.kind === "note" ? "text-warn" : ""}`}>{section.heading}</h3>
          <p className={`leading-7 ${section.kind === "note" ? "text-dim" : "text-ink/90"}`}>
            {section.sentences.map((sentence, place) => (
              <span key={`${place}${sentence.text}`}>
                <button
                  type="button"
                  data-testid="sentence"
                  data-basis={sentence.basis}
                  aria-describedby={looked === sentence ? "evidence" : undefined}
                  className={`rounded py-1 text-left decoration-dotted underline-offset-4 hover:bg-accent/15 focus-visible:bg-accent/15 ${looked === sentence ? "bg-accent/15" : ""} ${restsOn(sentence).length > 0 ? "underline decoration-accent/50" : ""}`}
                  onMouseEnter={() => look(sentence)}
                  onMouseLeave={() => clearTimeout(timer.current)}
                  onFocus={() => look(sentence)}
                  onClick={() => show(sentence)}
                >
                  {sentence.text}
                </button>
                {sentence.origin !== "template" && (
                  <sup className="ml-0.5 text-dim" title={t.origins[sentence.origin](sentence.author)}>
                    {sentence.origin === "person" ? "✎" : "AI"}
                    <span className="sr-only"> {t.origins[sentence.origin](sentence.author)}</span>
                  </sup>
                )}{" "}
              </span>
            ))}
          </p>
        </section>
      ))}
      <Evidence sentence={looked} findings={findings} />
    </div>
  );
}
