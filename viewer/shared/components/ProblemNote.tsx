import { useText } from "@/shared/hooks/useText";
import { meaningOf } from "@/shared/lib/problemMeaning";
import type { Problem } from "@/shared/api/problem";

/** An error as the node tells it: what happened, and what to do; in the language of the page where its code is known there. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const { common, problems } = useText();
  const meaning = meaningOf(problem);
  const words = problem.detail || problem.title;
  // What this viewer found by itself is in the language of the page.
  const language = problem.status === 0 ? undefined : "en";
  return (
    <div role="alert" data-testid="problem" className="rounded-md border border-bad/50 bg-bad/8 p-3">
      {meaning ? (
        <>
          <p className="font-medium text-bad">{meaning}</p>
          <p className="mt-1 text-xs text-dim">
            {problems.inEnglish}:{" "}
            <span lang="en">
              {words} {problem.remedy}
            </span>
          </p>
        </>
      ) : (
        <>
          <p lang={language} className="font-medium text-bad">
            {words}
          </p>
          {problem.remedy && (
            <p lang={language} className="mt-1 text-ink">
              {problem.remedy}
            </p>
          )}
        </>
      )}
      {onRetry && (
        <button type="button" className="control mt-2" onClick={onRetry}>
          {common.tryAgain}
        </button>
      )}
    </div>
  );
}
