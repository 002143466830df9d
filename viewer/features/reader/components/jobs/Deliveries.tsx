import { Badge } from "@/shared/components/Badge";
import { Section } from "@/features/reader/components/Section";
import { Release } from "@/features/reader/components/jobs/Release";
import { Routes } from "@/features/reader/components/jobs/Routes";
import { SendStudy } from "@/features/reader/components/jobs/SendStudy";
import { useText } from "@/shared/hooks/useText";
import { moment, number } from "@/shared/lib/format";
import { byDestination, deliveryBadge } from "@/shared/lib/state";
import type { StudyDetail } from "@/shared/api/types";

/** How far each destination has the results, and what of the study goes on besides. */
export function Deliveries({ study, onChanged }: { study: StudyDetail; onChanged: () => void }) {
  const { reader: t } = useText();
  return (
    <Section title={t.delivery}>
      <ul className="space-y-2.5">
        {byDestination(study.deliveries).map((summary) => {
          const badge = deliveryBadge(summary.state);
          return (
            <li key={summary.destination}>
              <div className="flex items-baseline justify-between gap-3">
                <span className="font-medium">{summary.destination}</span>
                <span
                  data-testid="delivery-state"
                  data-destination={summary.destination}
                  data-state={summary.state}
                >
                  <Badge word={badge.word} tone={badge.tone} title={badge.meaning} />
                </span>
              </div>
              <p className="text-xs text-dim">
                {t.confirmedOf(number(summary.confirmed), t.objects(number(summary.total), summary.total === 1))}{" "}
                {badge.meaning}
              </p>
              {summary.state !== "awaiting_release" && summary.awaitingRelease > 0 && (
                <p className="text-xs text-warn">{t.awaitingReleaseOf(summary.awaitingRelease)}</p>
              )}
              {summary.state !== "withheld" && summary.withheld > 0 && (
                <p className="text-xs text-warn" data-testid="withheld-objects">
                  {t.withheldOf(summary.withheld)}
                </p>
              )}
              <Release study={study.study_instance_uid} summary={summary} onChanged={onChanged} />
              {summary.lastError && (
                <p className="mt-0.5 text-warn">
                  {summary.lastError}
                  {summary.nextAttemptAt && ` ${t.nextAttempt(moment(summary.nextAttemptAt))}`}
                </p>
              )}
            </li>
          );
        })}
      </ul>
      {study.routes.length > 0 && (
        <>
          <h3 className="mt-3 mb-1 text-xs text-dim">{t.routes}</h3>
          <Routes routes={study.routes} />
        </>
      )}
      <SendStudy study={study.study_instance_uid} onChanged={onChanged} />
    </Section>
  );
}
