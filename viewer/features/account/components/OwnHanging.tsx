"use client";

import { useState } from "react";
import { ProtocolsFile } from "@/features/account/components/ProtocolsFile";
import { ProtocolsForm } from "@/features/admin/components/hanging/ProtocolsForm";
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
      {problem && !chosen.hanging && <ProblemNote problem={problem} />}
      {!chosen.hanging && !begun && (
        <button type="button" className="control" data-testid="begin-own-hanging" onClick={() => setBegun(true)}>
          {t.hangingBegin}
        </button>
      )}
      {!chosen.hanging && begun && <CopyOfSite onSave={(protocols) => save({ hanging: { protocols } })} onCancel={() => setBegun(false)} />}
      {chosen.hanging && (
        <ProtocolsForm
          kept={chosen.hanging.protocols}
          problem={problem}
          onSave={(protocols) => save({ hanging: { protocols } })}
          savedText={t.hangingSaved}
        >
          <Leave
            word={t.hangingGiveUp}
            onClick={() => {
              setBegun(false);
              void save({ hanging: null });
            }}
          />
        </ProtocolsForm>
      )}
      {chosen.hanging && <ProtocolsFile protocols={chosen.hanging.protocols} onRead={(protocols) => save({ hanging: { protocols } })} />}
    </section>
  );
}

function CopyOfSite({ onSave, onCancel }: { onSave: (protocols: HangingProtocol[]) => Promise<boolean>; onCancel: () => void }) {
  const { account: t, common } = useText();
  const fetched = useFetched(hanging.get);
  return (
    <Answer fetched={fetched}>
      {({ protocols }) => (
        <ProtocolsForm kept={protocols} isNew problem={null} onSave={onSave} savedText={t.hangingSaved}>
          <Leave word={common.cancel} onClick={onCancel} />
        </ProtocolsForm>
      )}
    </Answer>
  );
}

function Leave({ word, onClick }: { word: string; onClick: () => void }) {
  return (
    <button type="button" className="control" data-testid="leave-own-hanging" onClick={onClick}>
      {word}
    </button>
  );
}
