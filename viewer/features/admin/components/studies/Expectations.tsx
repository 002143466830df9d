"use client";

import { type FormEvent, useState } from "react";
import { Answer, fieldClass } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { number } from "@/shared/lib/format";
import type { Expectation } from "@/shared/api/types";
import { expectations } from "@/features/admin/lib/storedStudiesApi";

/** How many instances of a series were announced, by whom; announcing it here, taking it back. */
export function Expectations({
  studyInstanceUid,
  seriesInstanceUid,
  name,
  onChanged,
}: {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  name: string;
  onChanged: () => void;
}) {
  const { storedStudies, common } = useText();
  const fetched = useFetched(
    (signal) => expectations.list(studyInstanceUid, seriesInstanceUid, signal),
    `${studyInstanceUid} ${seriesInstanceUid}`,
  );
  const [count, setCount] = useState("");
  const action = useAction(() => {
    fetched.reload();
    onChanged();
  });
  const announce = async (event: FormEvent) => {
    event.preventDefault();
    const taken = await action.run(() =>
      expectations.announce(studyInstanceUid, seriesInstanceUid, Number(count), true),
    );
    if (taken) setCount("");
  };
  return (
    <>
      <Answer fetched={fetched}>
        {({ items }) => (
          <ul className="space-y-0.5 text-xs" data-testid="announced">
            {items.length === 0 && <li className="text-dim">{common.none}</li>}
            {items.map((one) => (
              <li key={`${one.announced_by} ${one.study_instance_uid}`}>
                {number(expected(one))} <span className="text-dim">{saidBy(one, storedStudies.here)}</span>{" "}
                {isOurs(one) && (
                  <button
                    type="button"
                    className="control px-1.5 py-0"
                    aria-label={`${storedStudies.withdraw}: ${name}`}
                    disabled={action.busy}
                    onClick={() => void action.run(() => expectations.withdraw(studyInstanceUid, seriesInstanceUid))}
                  >
                    {storedStudies.withdraw}
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Answer>
      <form className="mt-1 flex items-center gap-1.5" onSubmit={(event) => void announce(event)}>
        <input
          className={`${fieldClass} w-20`}
          type="number"
          min={1}
          max={1_000_000}
          required
          aria-label={`${storedStudies.expectedCount}: ${name}`}
          value={count}
          onChange={(event) => setCount(event.target.value)}
        />
        <button type="submit" className="control px-2 py-0.5" aria-label={`${storedStudies.announce}: ${name}`} disabled={action.busy}>
          {storedStudies.announce}
        </button>
      </form>
      {action.problem && <ProblemNote problem={action.problem} />}
    </>
  );
}

function isOurs({ announced_by }: Expectation): boolean {
  return announced_by.startsWith("api:");
}

function saidBy(one: Expectation, here: string): string {
  return isOurs(one) ? here : one.announced_by;
}

/** Who names the instances says how many there are. */
function expected(one: Expectation): number {
  return one.instance_count ?? one.sop_instance_uids.length;
}
