"use client";

import { useState } from "react";
import { AttemptCells, StudyLink } from "@/features/admin/components/rowCells";
import { PagedGrid, Select } from "@/shared/components/parts";
import { Badge } from "@/shared/components/Badge";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { hl7Messages } from "@/features/admin/lib/adminApi";
import { moment } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import type { Hl7Message } from "@/shared/api/types";

const tones: Record<Hl7Message["state"], Tone> = {
  pending: "busy",
  sending: "busy",
  accepted: "good",
  dead: "bad",
};
const states = Object.keys(tones) as Hl7Message["state"][];

/** Reports on their way to HL7 systems, and another attempt for those that nobody took. */
export function Hl7Messages() {
  const { admin: t } = useText();
  const [state, setState] = useState<Hl7Message["state"] | "">("");
  const pages = usePages((limit, offset, signal) => hl7Messages.list(state || undefined, limit, offset, signal), state);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.hl7What}</p>
      <div className="mb-3 w-48">
        <Select
          label={t.which}
          of={["", ...states]}
          value={state}
          words={(one) => (one ? t.hl7States[one] : t.all)}
          onChoose={setState}
        />
      </div>
      <PagedGrid
        pages={pages}
        label={t.parts.hl7}
        columns={[t.destination, t.study, t.stateWord, t.attempts, t.lastError, ""]}
        empty={t.nothing}
        row={(one) => (
          <tr key={one.message_id} data-testid="hl7-message" data-state={one.state}>
            <td className="font-medium">{one.destination}</td>
            <td className="text-xs">
              <StudyLink studyInstanceUid={one.study_instance_uid} />
              <div className="text-dim">{t.reportVersion(one.report_version)}</div>
              {one.superseded_at && <div>{t.resultsWithdrawn(moment(one.superseded_at))}</div>}
            </td>
            <td>
              <Badge word={t.hl7States[one.state]} tone={tones[one.state]} />
              <div className="mt-0.5 text-xs text-dim">{moment(one.updated_at)}</div>
            </td>
            <AttemptCells
              attempts={one.attempts}
              lastError={one.last_error}
              nextAttemptAt={one.state === "pending" ? one.next_attempt_at : null}
              arrived={one.state === "accepted"}
              retry={() => hl7Messages.retry(one.message_id)}
              onRetried={pages.fetched.reload}
            />
          </tr>
        )}
      />
    </>
  );
}
