"use client";

import { type FormEvent, useState } from "react";
import { Answer } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { listReceivers, sendStudy } from "@/shared/api/api";

/** Sends the study to a peer that the person chooses. */
export function SendStudy({ study, onChanged }: { study: string; onChanged: () => void }) {
  const { reader: t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-3" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="rounded text-dim">{t.sendStudy}</summary>
      {open && <SendForm study={study} onChanged={onChanged} />}
    </details>
  );
}

function SendForm({ study, onChanged }: { study: string; onChanged: () => void }) {
  const { reader: t, common } = useText();
  const fetched = useFetched(listReceivers);
  const [chosen, setChosen] = useState("");
  const [sent, setSent] = useState<number | null>(null);
  const action = useAction(onChanged);
  return (
    <Answer fetched={fetched}>
      {(receivers) => {
        const name = chosen || (receivers[0]?.name ?? "");
        const send = (event: FormEvent) => {
          event.preventDefault();
          setSent(null);
          void action.run(async () => setSent((await sendStudy(study, [name]))[name] ?? 0));
        };
        if (receivers.length === 0) return <p className="text-dim">{t.nobodyToSendTo}</p>;
        return (
          <form className="mt-2 flex flex-wrap items-end gap-2" onSubmit={send}>
            <label className="block flex-1 text-xs text-dim">
              {t.sendTo}
              <select
                className="mt-0.5 w-full rounded border border-line-strong bg-ground px-2 py-1 text-ink"
                value={name}
                onChange={(event) => setChosen(event.target.value)}
              >
                {receivers.map((one) => (
                  <option key={one.name} value={one.name}>
                    {`${one.name} (${one.kind})`}
                  </option>
                ))}
              </select>
            </label>
            <button type="submit" className="control" disabled={action.busy}>
              {common.send}
            </button>
            <p role="status" className="basis-full text-dim empty:hidden">
              {sent !== null && t.onTheirWay(sent)}
            </p>
            {action.problem && <ProblemNote problem={action.problem} />}
          </form>
        );
      }}
    </Answer>
  );
}
