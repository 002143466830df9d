"use client";

import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { Report } from "@/shared/api/types";

/** Something came after the text was written: what, and what the draft would be now. */
export function Attention({
  attention,
  signed,
  busy,
  onTake,
  onLeave,
}: {
  attention: NonNullable<Report["attention"]>;
  signed: boolean;
  busy: boolean;
  onTake: () => void;
  onLeave: () => void;
}) {
  const { report: t } = useText();
  return (
    <section role="status" data-testid="attention" className="rounded-md border border-warn/50 bg-warn/8 p-2.5">
      <p className="text-warn" lang="en">
        {attention.reason}
      </p>
      <p className="text-xs text-dim">{moment(attention.since)}</p>
      <details className="mt-1">
        <summary className="rounded text-dim">{t.newDraft}</summary>
        {attention.proposal.map((section) => (
          <div key={section.heading} className="mt-1.5 text-[0.8125rem]">
            <h4 className="font-medium">{section.heading}</h4>
            <p>{section.sentences.map((one) => one.text).join(" ")}</p>
          </div>
        ))}
      </details>
      <div className="mt-2 flex gap-2">
        {!signed && (
          <button type="button" className="control" disabled={busy} onClick={onTake}>
            {t.takeDraft}
          </button>
        )}
        <button type="button" className="control" disabled={busy} onClick={onLeave}>
          {t.leaveText}
        </button>
      </div>
    </section>
  );
}
