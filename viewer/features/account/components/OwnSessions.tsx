"use client";

import { sessions } from "@/features/account/lib/ownAccess";
import { Answer, Grid } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";

/** Where one is signed in, and the end of what one does not know. */
export function OwnSessions() {
  const { account: t, admin } = useText();
  const fetched = useFetched(sessions.list);
  const action = useAction(fetched.reload);
  return (
    <section aria-label={t.sessions} className="mt-8 space-y-3" data-testid="own-sessions">
      <h2 className="section-title">{t.sessions}</h2>
      {action.problem && <ProblemNote problem={action.problem} />}
      <Answer fetched={fetched}>
        {({ items }) => (
          <>
            <Grid
              label={t.sessions}
              columns={[t.browser, admin.address, t.signedInAt, t.lastSeen, t.end]}
              empty=""
            >
              {items.map((one) => (
                <tr key={one.session_id} data-testid="own-session">
                  <td className="max-w-64 truncate" title={one.user_agent}>
                    {one.user_agent}
                  </td>
                  <td>{one.address}</td>
                  <td className="whitespace-nowrap">{moment(one.created_at)}</td>
                  <td className="whitespace-nowrap">{moment(one.last_seen_at)}</td>
                  <td>
                    {one.is_this ? (
                      t.thisOne
                    ) : (
                      <button
                        type="button"
                        className="control px-2 py-0.5"
                        aria-label={t.endOf(one.user_agent)}
                        disabled={action.busy}
                        onClick={() => void action.run(() => sessions.end(one.session_id))}
                      >
                        {t.end}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </Grid>
            {items.length > 1 && (
              <button
                type="button"
                className="control"
                disabled={action.busy}
                onClick={() => void action.run(() => sessions.endOthers())}
              >
                {t.endOthers}
              </button>
            )}
          </>
        )}
      </Answer>
    </section>
  );
}
