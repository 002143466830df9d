"use client";

import { useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { Field, PagedGrid } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { audit, type AuditQuery } from "@/features/admin/lib/adminApi";
import { moment, number } from "@/shared/lib/format";
import type { AuditVerification } from "@/shared/api/types";

const outcomes: Record<number, "good" | "warn" | "bad"> = { 0: "good", 4: "warn", 8: "bad", 12: "bad" };

interface Typed {
  text: string;
  actor: string;
  patient_id: string;
  study_instance_uid: string;
  since: string;
  until: string;
  failures: boolean;
}

const nothing: Typed = {
  text: "",
  actor: "",
  patient_id: "",
  study_instance_uid: "",
  since: "",
  until: "",
  failures: false,
};

/** A day's begin, by the clock on the wall. */
function beginOf(day: string): string | undefined {
  return day ? new Date(`${day}T00:00:00`).toISOString() : undefined;
}

function endOf(day: string): string | undefined {
  if (!day) return undefined;
  const next = new Date(`${day}T00:00:00`);
  next.setDate(next.getDate() + 1);
  return next.toISOString();
}

/** Who looked at what and did what. Looking at this is an event too, so it is asked on purpose. */
export function Audit() {
  const { admin: t, common } = useText();
  const [typed, setTyped] = useState(nothing);
  const [asked, setAsked] = useState(nothing);
  const { since, until, ...words } = asked;
  const pages = usePages((limit, offset, signal) => {
    const query: AuditQuery = { ...words, since: beginOf(since), until: endOf(until), limit, offset };
    return audit.list(query, signal);
  }, JSON.stringify(asked));
  const [verdict, setVerdict] = useState<AuditVerification | null>(null);
  const verification = useAction(() => undefined);
  const set = (change: Partial<Typed>) => setTyped((now) => ({ ...now, ...change }));
  return (
    <>
      <form
        className="mb-4 grid max-w-5xl gap-3 rounded-lg border border-line bg-panel p-4 sm:grid-cols-4"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(typed);
        }}
      >
        <Field label={t.text} maxLength={128} value={typed.text} onChange={(e) => set({ text: e.target.value })} />
        <Field label={t.actor} maxLength={128} value={typed.actor} onChange={(e) => set({ actor: e.target.value })} />
        <Field label={t.patientId} maxLength={64} value={typed.patient_id} onChange={(e) => set({ patient_id: e.target.value })} />
        <Field
          label={t.studyUid}
          pattern="[0-9.]{0,64}"
          value={typed.study_instance_uid}
          onChange={(e) => set({ study_instance_uid: e.target.value })}
        />
        <Field label={t.fromDay} type="date" value={typed.since} onChange={(e) => set({ since: e.target.value })} />
        <Field label={t.toDay} type="date" value={typed.until} onChange={(e) => set({ until: e.target.value })} />
        <label className="flex items-end gap-2 pb-1.5">
          <input
            type="checkbox"
            className="mb-0.5 size-4 accent-accent"
            checked={typed.failures}
            onChange={(event) => set({ failures: event.target.checked })}
          />
          {t.failuresOnly}
        </label>
        <div className="flex items-end gap-2">
          <button type="submit" className="control">
            {common.search}
          </button>
          <button
            type="button"
            className="control"
            disabled={verification.busy}
            onClick={() => void verification.run(async () => setVerdict(await audit.verify()))}
          >
            {t.verify}
          </button>
        </div>
      </form>
      <div role="status" data-testid="verification">
        {verdict && (
          <p className="mb-3">
            <Badge word={verdict.holds ? t.chainHolds : t.chainBroken} tone={verdict.holds ? "good" : "bad"} />{" "}
            {t.checkedEvents(number(verdict.checked), number(verdict.unsealed))}{" "}
            <span lang="en">{verdict.problem}</span>
          </p>
        )}
      </div>
      {verification.problem && <ProblemNote problem={verification.problem} />}
      <PagedGrid
        pages={pages}
        label={t.parts.audit}
        columns={[t.at, t.event, t.actor, t.what, t.outcome]}
        empty={t.nothing}
        row={(one) => (
          <tr key={one.audit_id} data-testid="audit-event">
            <td className="text-xs whitespace-nowrap">{moment(one.at)}</td>
            <td lang="en">
              {one.meaning}
              {one.type_meaning && <div className="text-xs text-dim">{one.type_meaning}</div>}
            </td>
            <td>
              {one.actor_name || one.actor_kind}
              <div className="text-xs text-dim">{one.actor_address}</div>
            </td>
            <td className="max-w-md text-xs">
              {one.patient_ids.length > 0 && (
                <div>
                  {t.patientId}: {one.patient_ids.join(", ")}
                </div>
              )}
              {one.study_instance_uids.map((uid) => (
                <div key={uid} className="truncate font-mono text-dim" title={uid}>
                  {uid}
                </div>
              ))}
              <div className="break-words text-dim">
                {Object.entries(one.detail)
                  .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
                  .join(" · ")}
              </div>
            </td>
            <td className="whitespace-nowrap">
              <Badge
                word={t.outcomes[String(one.outcome)] ?? String(one.outcome)}
                tone={outcomes[one.outcome] ?? "quiet"}
              />
              {one.occurrences > 1 && <span className="ml-1 text-xs text-dim">×{number(one.occurrences)}</span>}
            </td>
          </tr>
        )}
      />
    </>
  );
}
