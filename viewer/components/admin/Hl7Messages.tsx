"use client";

import Link from "next/link";
import { useState } from "react";
import { Answer, fieldClass, Grid, Pager } from "@/components/admin/parts";
import { Badge } from "@/components/Badge";
import { ProblemNote } from "@/components/ProblemNote";
import { useAsked } from "@/hooks/useAsked";
import { useOrder } from "@/hooks/useOrder";
import { useText } from "@/hooks/useText";
import { hl7Messages } from "@/lib/adminApi";
import { moment, number } from "@/lib/format";
import type { Tone } from "@/lib/state";
import type { Hl7Message } from "@/lib/types";

const size = 50;
const tones: Record<Hl7Message["state"], Tone> = {
  PENDING: "busy",
  SENDING: "busy",
  ACCEPTED: "good",
  DEAD: "bad",
};
const states = Object.keys(tones) as Hl7Message["state"][];

/** Reports on their way to HL7 systems, and another attempt for those that nobody took. */
export function Hl7Messages() {
  const { admin: t, common } = useText();
  const [state, setState] = useState<Hl7Message["state"] | "">("");
  const [offset, setOffset] = useState(0);
  const asked = useAsked((signal) => hl7Messages.list(state || undefined, size, offset, signal), `${state} ${offset}`);
  const order = useOrder(asked.reload);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.hl7What}</p>
      <label className="mb-3 block w-48 text-xs text-dim">
        {t.which}
        <select
          className={fieldClass}
          value={state}
          onChange={(event) => {
            setState(event.target.value as typeof state);
            setOffset(0);
          }}
        >
          <option value="">{t.all}</option>
          {states.map((one) => (
            <option key={one} value={one}>
              {t.hl7States[one]}
            </option>
          ))}
        </select>
      </label>
      {order.problem && <ProblemNote problem={order.problem} />}
      <Answer asked={asked}>
        {({ items, total }) => (
          <>
            <Grid
              label={t.parts.hl7}
              columns={[t.destination, t.study, t.stateWord, t.attempts, t.lastError, ""]}
              empty={items.length === 0 ? t.nothing : ""}
            >
              {items.map((one) => (
                <tr key={one.message_id} data-testid="hl7-message" data-state={one.state}>
                  <td className="font-medium">{one.destination}</td>
                  <td className="text-xs">
                    <Link
                      className="text-accent hover:underline"
                      prefetch={false}
                      href={`/study/?study=${one.study_instance_uid}`}
                    >
                      {t.openStudy}
                    </Link>
                    <div className="text-dim">{t.reportVersion(one.report_version)}</div>
                  </td>
                  <td>
                    <Badge word={t.hl7States[one.state]} tone={tones[one.state]} />
                    <div className="mt-0.5 text-xs text-dim">{moment(one.updated_at)}</div>
                  </td>
                  <td>{number(one.attempts)}</td>
                  <td className="max-w-80 text-xs" lang="en">
                    {one.last_error}
                    {one.state === "PENDING" && (
                      <div className="text-dim">{t.nextAttempt(moment(one.next_attempt_at))}</div>
                    )}
                  </td>
                  <td>
                    {one.state !== "ACCEPTED" && (
                      <button
                        type="button"
                        className="control px-2 py-0.5"
                        disabled={order.busy}
                        onClick={() => void order.give(() => hl7Messages.retry(one.message_id))}
                      >
                        {common.tryAgain}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </Grid>
            <Pager offset={offset} size={size} shown={items.length} total={total} onOffset={setOffset} />
          </>
        )}
      </Answer>
    </>
  );
}
