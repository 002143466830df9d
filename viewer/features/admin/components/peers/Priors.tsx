"use client";

import { useState } from "react";
import { AttemptCells, StudyLink } from "@/features/admin/components/rowCells";
import { Badge } from "@/shared/components/Badge";
import { PagedGrid, Select } from "@/shared/components/parts";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { priors, priorSearches } from "@/features/admin/lib/adminApi";
import { dateText, moment, number } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import type { Prior } from "@/shared/api/types";

const tones: Record<Prior["state"], Tone> = {
  pending: "busy",
  running: "busy",
  done: "good",
  failed: "bad",
};
const states = Object.keys(tones) as Prior["state"][];

/** Studies that come from other archives, the searches for them, and another attempt for either. */
export function Priors() {
  const { admin: t } = useText();
  const [state, setState] = useState<Prior["state"] | "">("");
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.priorsWhat}</p>
      <div className="mb-3 w-48">
        <Select
          label={t.which}
          of={["", ...states]}
          value={state}
          words={(one) => (one ? t.priorStates[one] : t.all)}
          onChoose={setState}
        />
      </div>
      <Fetches state={state} />
      <h2 className="mt-6 mb-3 font-semibold">{t.searches}</h2>
      <Searches state={state} />
    </>
  );
}

function Fetches({ state }: { state: Prior["state"] | "" }) {
  const { admin: t } = useText();
  const pages = usePages((limit, offset, signal) => priors.list(state || undefined, limit, offset, signal), state);
  return (
    <PagedGrid
      pages={pages}
      label={t.parts.priors}
      columns={[t.archive, t.study, t.stateWord, t.instances, t.attempts, t.lastError, ""]}
      empty={t.nothing}
      row={(one) => (
        <tr key={one.study_instance_uid} data-testid="prior" data-state={one.state}>
          <td className="font-medium">{one.source}</td>
          <td className="text-xs">
            {one.state === "done" && <StudyLink studyInstanceUid={one.study_instance_uid} />}
            <div>{[one.modalities, one.study_description, dateText(one.study_date)].filter(Boolean).join(" ")}</div>
            <div className="text-dim">{one.rule || t.askedByPerson}</div>
          </td>
          <StateCell state={one.state} updatedAt={one.updated_at} />
          <td>
            {number(one.instances)}
            {one.instances_total > 0 && ` / ${number(one.instances_total)}`}
          </td>
          <AttemptCells
            attempts={one.attempts}
            lastError={one.last_error}
            nextAttemptAt={one.state === "pending" ? one.next_attempt_at : null}
            arrived={one.state === "done"}
            retry={() => priors.retry(one.study_instance_uid)}
            onRetried={pages.fetched.reload}
          />
        </tr>
      )}
    />
  );
}

function Searches({ state }: { state: Prior["state"] | "" }) {
  const { admin: t } = useText();
  const pages = usePages(
    (limit, offset, signal) => priorSearches.list(state || undefined, limit, offset, signal),
    state,
  );
  return (
    <PagedGrid
      pages={pages}
      label={t.searches}
      columns={[t.archive, t.rule, t.stateWord, t.foundAndWanted, t.attempts, t.lastError, ""]}
      empty={t.nothing}
      row={(one) => (
        <tr key={one.search_id} data-testid="prior-search" data-state={one.state}>
          <td className="font-medium">{one.source}</td>
          <td className="text-xs">
            <div>{one.rule}</div>
            {one.cause === "STUDY" ? <StudyLink studyInstanceUid={one.subject} /> : t.anOrder}
          </td>
          <StateCell state={one.state} updatedAt={one.updated_at} />
          <td>{`${number(one.found)} / ${number(one.wanted)}`}</td>
          <AttemptCells
            attempts={one.attempts}
            lastError={one.last_error}
            nextAttemptAt={one.state === "pending" ? one.next_attempt_at : null}
            arrived={one.state === "done"}
            retry={() => priorSearches.retry(one.search_id)}
            onRetried={pages.fetched.reload}
          />
        </tr>
      )}
    />
  );
}

function StateCell({ state, updatedAt }: { state: Prior["state"]; updatedAt: string }) {
  const { admin: t } = useText();
  return (
    <td>
      <Badge word={t.priorStates[state]} tone={tones[state]} />
      <div className="mt-0.5 text-xs text-dim">{moment(updatedAt)}</div>
    </td>
  );
}
