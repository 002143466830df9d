"use client";

import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { leaveStudy, readStudy } from "@/shared/api/api";
import { moment } from "@/shared/lib/format";
import type { StudySummary } from "@/shared/api/types";

/** Who reads the study, to be taken, taken over and left. */
export function ReadBy({ study, onChanged }: { study: StudySummary; onChanged: () => void }) {
  const { report: t } = useText();
  const action = useAction(onChanged);
  const { reader, study_instance_uid: uid } = study;
  const button = (label: string, run: () => Promise<void>) => (
    <button type="button" className="control" disabled={action.busy} onClick={() => void action.run(run)}>
      {label}
    </button>
  );
  return (
    <div data-testid="read-by">
      <div className="flex items-center gap-2 text-xs">
        {reader && (
          <p role="status" className={reader.is_you ? "text-dim" : "text-warn"}>
            {reader.is_you ? t.readByYou(moment(reader.since)) : t.readBy(reader.name, moment(reader.since))}
          </p>
        )}
        <span className="ml-auto shrink-0">
          {!reader && button(t.read, () => readStudy(uid, false))}
          {reader?.is_you && button(t.leave, () => leaveStudy(uid))}
          {reader && !reader.is_you && button(t.takeOver, () => readStudy(uid, true))}
        </span>
      </div>
      {action.problem && <ProblemNote problem={action.problem} />}
    </div>
  );
}
