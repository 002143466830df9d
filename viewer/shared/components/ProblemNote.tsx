import { useText } from "@/shared/hooks/useText";
import type { Problem } from "@/shared/api/problem";

/** An error as the node tells it: what happened, and what to do. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const { common } = useText();
  return (
    <div role="alert" data-testid="problem" className="rounded-md border border-bad/50 bg-bad/8 p-3">
      <p lang="en" className="font-medium text-bad">{problem.detail || problem.title}</p>
      {problem.remedy && <p lang="en" className="mt-1 text-ink">{problem.remedy}</p>}
      {onRetry && (
        <button type="button" className="control mt-2" onClick={onRetry}>
          {common.tryAgain}
        </button>
      )}
    </div>
  );
}
