"use client";

import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { cancelJob, hurryJob, retryJob } from "@/shared/api/api";
import { hasEndedInVain, isActive, statPriority } from "@/shared/lib/state";
import type { Job } from "@/shared/api/types";

/** What a person may ask of a job in its present state. */
export function JobActions({ job, title, onChanged }: { job: Job; title: string; onChanged: () => void }) {
  const { reader: t } = useText();
  const action = useAction(onChanged);
  const button = (word: string, run: (jobId: string) => Promise<Job>) => (
    <button
      type="button"
      className="control px-2 py-0 text-xs"
      aria-label={`${word}: ${title}`}
      disabled={action.busy}
      onClick={() => void action.run(() => run(job.job_id))}
    >
      {word}
    </button>
  );
  const waits = job.state === "scheduled" && job.priority < statPriority;
  if ((job.state === "completed" || job.state === "superseded") && !action.problem) return null;
  return (
    <>
      <div className="mt-1 flex gap-1.5">
        {isActive(job) && button(t.cancel, cancelJob)}
        {waits && button("STAT", hurryJob)}
        {hasEndedInVain(job) && button(t.retry, retryJob)}
      </div>
      {action.problem && (
        <div className="mt-1.5">
          <ProblemNote problem={action.problem} />
        </div>
      )}
    </>
  );
}
