import { Badge } from "@/shared/components/Badge";
import { PdfPreview } from "@/features/report/components/PdfPreview";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import type { Report, ReportState } from "@/shared/api/types";

export const reportTones: Record<ReportState, Tone> = {
  draft: "busy",
  preliminary: "warn",
  final: "good",
  amended: "good",
};

/** Where the report stands, and who stands for it. */
export function ReportHead({ report }: { report: Report }) {
  const { report: t } = useText();
  return (
    <div>
      <div className="flex items-baseline gap-2">
        <h2 className="font-semibold" lang={report.language}>
          {report.title}
        </h2>
        <span className="ml-auto">
          <PdfPreview report={report} />
        </span>
        <span data-testid="report-state" data-state={report.state}>
          <Badge word={t.states[report.state]} tone={reportTones[report.state]} />
        </span>
      </div>
      <p className="text-xs text-dim">
        {t.version(report.version, moment(report.updated_at), report.changed_by || t.node)}
        {report.signed_by && ` ${t.signed(report.signed_by, moment(report.signed_at))}`}
      </p>
    </div>
  );
}
