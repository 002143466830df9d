"use client";

import { useState, type ReactNode } from "react";
import { HangingEditor } from "@/features/admin/components/hanging/HangingEditor";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import type { Problem } from "@/shared/api/problem";
import type { HangingProtocol } from "@/shared/api/types";

/** A set of hanging protocols that is changed and saved: the site's, or a person's own. */
export function ProtocolsForm({
  kept,
  isNew = false,
  busy = false,
  problem,
  onSave,
  savedText,
  children,
}: {
  kept: readonly HangingProtocol[];
  /** Nobody has saved them yet: they can be, as they are. */
  isNew?: boolean;
  busy?: boolean;
  problem: Problem | null;
  /** Whether they are kept now. */
  onSave: (protocols: HangingProtocol[]) => Promise<boolean>;
  savedText: string;
  /** What else can be done with the set. */
  children?: ReactNode;
}) {
  const { hangingProtocols: t, common } = useText();
  const keptText = JSON.stringify(kept);
  const [known, setKnown] = useState(keptText);
  const [draft, setDraft] = useState(kept);
  const [saved, setSaved] = useState(false);
  if (known !== keptText) {
    // They were saved, or are others now.
    setKnown(keptText);
    setDraft(kept);
  }
  const isChanged = JSON.stringify(draft) !== keptText;
  return (
    <div className="space-y-3">
      <HangingEditor
        draft={draft}
        onChange={(next) => {
          setSaved(false);
          setDraft(next);
        }}
      />
      {problem && <ProblemNote problem={problem} />}
      <div className="flex flex-wrap items-center gap-2">
        <button
          type="button"
          className="control"
          data-testid="save-hanging"
          disabled={busy || (!isNew && !isChanged)}
          onClick={() => {
            setSaved(false);
            void onSave([...draft]).then(setSaved);
          }}
        >
          {common.save}
        </button>
        <button type="button" className="control" disabled={!isChanged} onClick={() => setDraft(kept)}>
          {t.undo}
        </button>
        {children}
        <span role="status" className="text-good">
          {saved && savedText}
        </span>
      </div>
    </div>
  );
}
