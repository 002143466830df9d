"use client";

import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { decideRelease } from "@/shared/api/api";
import { releaseDecisions, type DestinationSummary } from "@/shared/lib/state";

/** Lets a person decide whether results that wait for it go to the destination. */
export function Release({
  study,
  summary,
  onChanged,
}: {
  study: string;
  summary: DestinationSummary;
  onChanged: () => void;
}) {
  const { reader: t } = useText();
  const action = useAction(onChanged);
  const { destination } = summary;
  const decisions = releaseDecisions(summary);
  if (decisions.length === 0) return null;
  return (
    <div className="mt-1 flex flex-wrap gap-2">
      <button
        type="button"
        className="control"
        disabled={action.busy}
        aria-label={t.releaseTo(destination)}
        onClick={() => void action.run(() => decideRelease(study, destination, "release"))}
      >
        {t.release}
      </button>
      {decisions.includes("withhold") && (
        <button
          type="button"
          className="control"
          disabled={action.busy}
          aria-label={t.withholdFrom(destination)}
          onClick={() => void action.run(() => decideRelease(study, destination, "withhold"))}
        >
          {t.withhold}
        </button>
      )}
      {action.problem && <ProblemNote problem={action.problem} />}
    </div>
  );
}
