"use client";

import { ProblemNote } from "@/shared/components/ProblemNote";
import { useOrder } from "@/shared/hooks/useOrder";
import { useText } from "@/shared/hooks/useText";
import { cancelJob, hurryJob, retryJob } from "@/shared/api/api";
import { hasEndedInVain, isActive, statPriority } from "@/shared/lib/state";
import type { Job } from "@/shared/api/types";

/** What a person may ask of a job in its present state. */
export function JobActions({ job, title, onChanged }: { job: Job; title: string; onChanged: () => void }) {
  const { reader: t } = useText();
  const order = useOrder(onChanged);
  const action = (word: string, run: (jobId: string) => Promise<Job>) => (
    <button
      type="button"
      className="control px-2 py-0 text-xs"
      aria-label={`${word}: ${title}`}
      disabled={order.busy}
      onClick={() => void order.give(() => run(job.job_id))}
    >
      {word}
    </button>
  );
  const waits = job.state === "SCHEDULED" && job.priority < statPriority;
  if ((job.state === "COMPLETED" || job.state === "SUPERSEDED") && !order.problem) return null;
  return (
    <>
      <div className="mt-1 flex gap-1.5">
        {isActive(job) && action(t.cancel, cancelJob)}
        {waits && action("STAT", hurryJob)}
        {hasEndedInVain(job) && action(t.retry, retryJob)}
      </div>
      {order.problem && (
        <div className="mt-1.5">
          <ProblemNote problem={order.problem} />
        </div>
      )}
    </>
  );
}
