import { Badge } from "@/shared/components/Badge";
import { Section } from "@/features/reader/components/Section";
import { useText } from "@/shared/hooks/useText";
import { moment, number } from "@/shared/lib/format";
import { byDestination, deliveryBadge } from "@/shared/lib/state";
import type { Delivery } from "@/shared/api/types";

/** How far each destination has the results. */
export function Deliveries({ deliveries }: { deliveries: readonly Delivery[] }) {
  const { reader: t } = useText();
  if (deliveries.length === 0) return null;
  return (
    <Section title={t.delivery}>
      <ul className="space-y-2.5">
        {byDestination(deliveries).map((summary) => {
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
                {t.heldOf(number(summary.held), t.objects(number(summary.total), summary.total === 1))}{" "}
                {badge.meaning}
              </p>
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
    </Section>
  );
}
