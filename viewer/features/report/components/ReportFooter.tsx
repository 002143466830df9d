import { Badge } from "@/shared/components/Badge";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { reportTones } from "@/features/report/components/ReportHead";
import type { Action } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import type { Report, ReportState } from "@/shared/api/types";

/** What can be done with the report: it stays at the bottom of the panel, each button in its place. */
export function ReportFooter({
  report,
  action,
  onEdit,
  onUndo,
  onMove,
}: {
  report: Report;
  action: Action;
  onEdit: () => void;
  /** Takes back the last change of a sentence; none where there is none. */
  onUndo?: () => void;
  onMove: (next: ReportState) => void;
}) {
  const { report: t, viewing } = useText();
  const signed = report.state === "final" || report.state === "amended";
  // Signing stands apart from what can be taken back: at the end of the row, whatever else is there.
  const last = signed ? "amended" : "final";
  const others = report.next_states.filter((next) => next !== last);
  const move = (next: ReportState, look = "") => (
    <button key={next} type="button" className={`control ${look}`} title={next === "final" ? viewing.signKey : undefined} disabled={action.busy} onClick={() => onMove(next)}>
      {t.moves[next]}
    </button>
  );
  return (
    <footer className="sticky bottom-0 z-10 mt-auto border-t border-line bg-panel px-4 py-2.5" data-testid="report-footer">
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex flex-wrap items-center gap-2" role="group" aria-label={t.actions}>
        <Badge word={t.states[report.state]} tone={reportTones[report.state]} />
        {!signed && (
          <button type="button" className="control" onClick={onEdit}>
            {t.edit}
          </button>
        )}
        {onUndo && (
          <button
            type="button"
            className="control px-2"
            data-testid="undo-sentence"
            aria-label={t.table.undo}
            title={`${t.table.undo} (${t.table.undoKey})`}
            disabled={action.busy}
            onClick={onUndo}
          >
            <span aria-hidden="true">↶</span>
          </button>
        )}
        {others.map((next) => move(next))}
        <span className="ml-auto">
          {report.next_states.includes(last) && move(last, signed ? "" : "border-good/60 text-good")}
        </span>
      </div>
    </footer>
  );
}
