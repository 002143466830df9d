import { Section } from "@/components/reader/Section";
import type { Report } from "@/lib/types";

export function DraftReports({ reports }: { reports: readonly Report[] }) {
  if (reports.length === 0) return null;
  return (
    <>
      {reports.map((report) => (
        <Section key={report.report_id} title={`Draft report: ${report.title}`}>
          <div lang={report.language || "en"} data-testid="report" className="space-y-2.5">
            {report.sections.map((section) => (
              <div key={section.heading}>
                <h3 className="font-medium">{section.heading}</h3>
                <p className="text-ink/90">
                  {section.sentences.map((sentence) => sentence.text).join(" ")}
                </p>
              </div>
            ))}
          </div>
        </Section>
      ))}
    </>
  );
}
