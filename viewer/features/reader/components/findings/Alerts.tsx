"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { acknowledge, openAlerts } from "@/features/reader/lib/findings/alertApi";
import type { Alert, StudyDetail } from "@/shared/api/types";

/** Critical findings that nobody has acknowledged, above everything else that the AI says. */
export function Alerts({ study, onChanged }: { study: StudyDetail; onChanged: () => void }) {
  const { reader: t } = useText();
  const uid = study.study_instance_uid;
  const fetched = useFetched<Alert[]>(
    async (signal) => (study.open_alerts ? openAlerts(uid, signal) : []),
    `${uid} ${study.open_alerts}`,
  );
  if (fetched.problem) return <ProblemNote problem={fetched.problem} onRetry={fetched.reload} />;
  if (!fetched.value?.length) return null;
  return (
    <section
      aria-label={t.alerts}
      data-testid="alerts"
      className="max-h-64 shrink-0 overflow-y-auto border-b border-bad/50 bg-bad/8 px-4 py-2.5"
    >
      <ul className="flex flex-col gap-3">
        {fetched.value.map((alert) => (
          <OneAlert key={alert.alert_id} alert={alert} onChanged={onChanged} />
        ))}
      </ul>
    </section>
  );
}

function OneAlert({ alert, onChanged }: { alert: Alert; onChanged: () => void }) {
  const { reader: t } = useText();
  const [note, setNote] = useState("");
  const action = useAction(onChanged);
  return (
    <li>
      <p className="font-medium text-bad">{alert.text}</p>
      <form
        className="mt-1.5 flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          void action.run(() => acknowledge(alert.alert_id, note));
        }}
      >
        <input
          className="control min-w-0 flex-1"
          aria-label={t.alertNote}
          placeholder={t.alertNote}
          maxLength={1000}
          value={note}
          onChange={(event) => setNote(event.target.value)}
        />
        <button type="submit" className="control" disabled={action.busy}>
          {t.acknowledge}
        </button>
      </form>
      {action.problem && <ProblemNote problem={action.problem} />}
    </li>
  );
}
