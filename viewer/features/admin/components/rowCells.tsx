import Link from "next/link";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { moment, number, personName } from "@/shared/lib/format";

export function StudyLink({ studyInstanceUid }: { studyInstanceUid: string }) {
  const { admin: t } = useText();
  return (
    <Link className="text-accent hover:underline" prefetch={false} href={`/study/?study=${studyInstanceUid}`}>
      {t.openStudy}
    </Link>
  );
}

/** Whose it is, and the way to the study. */
export function PatientOf({
  patientName,
  patientId,
  studyInstanceUid,
}: {
  patientName: string;
  patientId: string;
  studyInstanceUid: string;
}) {
  return (
    <>
      <div className="max-w-56 truncate font-medium" title={patientName && personName(patientName)} data-testid="patient">
        {personName(patientName)}
      </div>
      <div className="max-w-56 truncate text-dim" title={patientId}>
        {patientId}
      </div>
      <StudyLink studyInstanceUid={studyInstanceUid} />
    </>
  );
}

/** How often something was sent, why it has not arrived, and sending it now. */
export function AttemptCells({
  attempts,
  lastError,
  nextAttemptAt,
  arrived,
  retry,
  onRetried,
}: {
  attempts: number;
  lastError: string;
  /** Null where none is planned. */
  nextAttemptAt: string | null;
  arrived: boolean;
  retry: () => Promise<unknown>;
  onRetried: () => void;
}) {
  const { admin: t, common } = useText();
  const action = useAction(onRetried);
  return (
    <>
      <td>{number(attempts)}</td>
      <td className="max-w-80 text-xs" lang="en">
        {lastError}
        {nextAttemptAt !== null && <div className="text-dim">{t.nextAttempt(moment(nextAttemptAt))}</div>}
      </td>
      <td>
        {!arrived && (
          <button type="button" className="control px-2 py-0.5" disabled={action.busy} onClick={() => void action.run(retry)}>
            {common.tryAgain}
          </button>
        )}
        {action.problem && <ProblemNote problem={action.problem} />}
      </td>
    </>
  );
}
