"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { giveFeedback } from "@/shared/api/api";
import type { Finding } from "@/shared/api/types";

/** Accepts what nobody has judged yet of a group, after a second press that names how many these are. */
export function AcceptOpen({ findings, onChanged }: { findings: readonly Finding[]; onChanged: () => void }) {
  const { common, reader: t } = useText();
  const action = useAction(onChanged);
  const [asked, setAsked] = useState(false);
  if (findings.length < 2) return null;
  const accept = async () => {
    setAsked(false);
    await action.run(async () => {
      for (const { finding_id: id } of findings) await giveFeedback(id, { kind: "ACCEPTED", label: "", reason: "" });
    });
  };
  return (
    <>
      {asked ? (
        <>
          <button
            type="button"
            className="control px-2 py-0.5 text-xs"
            data-testid="accept-open-yes"
            disabled={action.busy}
            onClick={() => void accept()}
          >
            {t.acceptOpenYes(findings.length)}
          </button>
          <button type="button" className="control px-2 py-0.5 text-xs" onClick={() => setAsked(false)}>
            {common.cancel}
          </button>
        </>
      ) : (
        <button
          type="button"
          className="control px-2 py-0.5 text-xs"
          data-testid="accept-open"
          disabled={action.busy}
          onClick={() => setAsked(true)}
        >
          {t.acceptOpen}
        </button>
      )}
      {action.problem && <ProblemNote problem={action.problem} />}
    </>
  );
}
