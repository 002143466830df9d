"use client";

import { useState } from "react";
import { HangingEditor } from "@/features/admin/components/hanging/HangingEditor";
import { hanging } from "@/features/admin/lib/hangingProtocolsApi";
import { Answer } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import type { HangingProtocol } from "@/shared/api/types";

/** One's own hanging protocols in the place of the site's: begun with a copy of those, and given up again. */
export function OwnHanging() {
  const { account: t } = useText();
  const { chosen, save, problem, isKnown } = usePreferences();
  const [begun, setBegun] = useState(false);
  if (!isKnown) return null;
  return (
    <section aria-label={t.hanging} className="mt-8 space-y-3" data-testid="own-hanging">
      <h2 className="section-title">{t.hanging}</h2>
      <p className="text-dim">{chosen.hanging ? t.hangingOwn : t.hangingOfSite}</p>
      {problem && <ProblemNote problem={problem} />}
      {!chosen.hanging && !begun && (
        <button type="button" className="control" data-testid="begin-own-hanging" onClick={() => setBegun(true)}>
          {t.hangingBegin}
        </button>
      )}
      {!chosen.hanging && begun && <CopyOfSite onSave={(protocols) => save({ hanging: { protocols } })} onCancel={() => setBegun(false)} />}
      {chosen.hanging && (
        <Editor
          kept={chosen.hanging.protocols}
          isNew={false}
          onSave={(protocols) => save({ hanging: { protocols } })}
          away={t.hangingGiveUp}
          onAway={() => {
            setBegun(false);
            void save({ hanging: null });
          }}
        />
      )}
    </section>
  );
}

function CopyOfSite({ onSave, onCancel }: { onSave: (protocols: HangingProtocol[]) => Promise<boolean>; onCancel: () => void }) {
  const { common } = useText();
  const fetched = useFetched(hanging.get);
  return <Answer fetched={fetched}>{({ protocols }) => <Editor kept={protocols} isNew onSave={onSave} away={common.cancel} onAway={onCancel} />}</Answer>;
}

function Editor({
  kept,
  isNew,
  onSave,
  away,
  onAway,
}: {
  kept: readonly HangingProtocol[];
  /** A copy that is not the person's own yet. */
  isNew: boolean;
  onSave: (protocols: HangingProtocol[]) => Promise<boolean>;
  /** The word for leaving it. */
  away: string;
  onAway: () => void;
}) {
  const { account: t, common } = useText();
  const [draft, setDraft] = useState(kept);
  const [saved, setSaved] = useState(false);
  return (
    <>
      <HangingEditor
        draft={draft}
        onChange={(next) => {
          setSaved(false);
          setDraft(next);
        }}
      />
      <div className="flex items-center gap-2">
        <button
          type="button"
          className="control"
          data-testid="save-own-hanging"
          disabled={!isNew && draft === kept}
          onClick={() => {
            setSaved(false);
            void onSave([...draft]).then(setSaved);
          }}
        >
          {common.save}
        </button>
        <button type="button" className="control" data-testid="leave-own-hanging" onClick={onAway}>
          {away}
        </button>
        <span role="status" className="text-good">
          {saved && t.hangingSaved}
        </span>
      </div>
    </>
  );
}
