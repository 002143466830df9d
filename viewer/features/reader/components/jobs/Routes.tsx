import { useText } from "@/shared/hooks/useText";
import { moment, number } from "@/shared/lib/format";
import type { Route } from "@/shared/api/types";

/** Received images that go on to other places, and how far each has them. */
export function Routes({ routes }: { routes: readonly Route[] }) {
  const { reader: t } = useText();
  return (
    <ul className="space-y-2.5">
      {routes.map((route) => (
        <li key={`${route.destination} ${route.cause} ${route.rule}`} data-testid="route">
          <div className="flex items-baseline justify-between gap-3">
            <span className="font-medium">{route.destination}</span>
            <span className="text-xs text-dim">{route.rule ? t.ruleNamed(route.rule) : t.sentByHand}</span>
          </div>
          <p className="text-xs text-dim">
            {t.confirmedOf(number(route.confirmed), t.objects(number(route.total), route.total === 1))}
          </p>
          {route.waits_until && (
            <p className="mt-0.5 text-xs text-dim">{t.waitUntil(number(route.waiting), moment(route.waits_until))}</p>
          )}
          {route.note && (
            <p className="text-xs text-dim" lang="en">
              {route.note}
            </p>
          )}
          {route.last_error && <p className="mt-0.5 text-warn">{route.last_error}</p>}
        </li>
      ))}
    </ul>
  );
}
