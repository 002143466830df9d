"use client";

import { useState } from "react";
import { HangingEditor } from "@/features/admin/components/hanging/HangingEditor";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { protocolsFrom, protocolsText } from "@/features/admin/lib/hangingText";
import type { HangingProtocol } from "@/shared/api/types";
import { hanging } from "@/features/admin/lib/hangingProtocolsApi";

/** How studies are laid out when they are opened: the site's own protocols, as the node keeps them. */
export function Hanging() {
  const { admin: t, hangingProtocols } = useText();
  const fetched = useFetched(hanging.get);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{hangingProtocols.hangingWhat}</p>
      <Answer fetched={fetched}>
        {({ protocols }) => (
          <>
            <Grid
              label={t.parts.hanging}
              columns={[t.name, hangingProtocols.appliesTo, hangingProtocols.layout, hangingProtocols.shows]}
              empty={protocols.length === 0 ? hangingProtocols.noHanging : ""}
            >
              {protocols.map((one) => (
                <ProtocolRow key={one.name} protocol={one} />
              ))}
            </Grid>
            {/* What is kept again is shown again. */}
            <Editor key={protocolsText(protocols)} kept={protocols} onSaved={fetched.reload} />
          </>
        )}
      </Answer>
    </>
  );
}

function ProtocolRow({ protocol }: { protocol: HangingProtocol }) {
  const { hangingProtocols } = useText();
  return (
    <tr data-testid="protocol">
      <td className="font-medium">{protocol.name}</td>
      <td>{[...protocol.modalities, ...protocol.body_parts].join(", ") || hangingProtocols.anyStudy}</td>
      <td className="whitespace-nowrap">
        {protocol.rows} × {protocol.columns}
        {protocol.linked && <span className="text-dim"> · {hangingProtocols.linked}</span>}
      </td>
      <td className="text-xs">
        {protocol.viewports.map((one, place) => (
          <div key={place}>
            {[one.study === "prior" && hangingProtocols.prior, ...one.modalities, one.laterality, ...one.views, ...one.description_contains]
              .filter(Boolean)
              .join(" ")}
          </div>
        ))}
        {protocol.stages.length > 0 && (
          <div className="text-dim">{hangingProtocols.stages(protocol.stages.map(({ name }) => name).join(", "))}</div>
        )}
      </td>
    </tr>
  );
}

function Editor({ kept, onSaved }: { kept: readonly HangingProtocol[]; onSaved: () => void }) {
  const { hangingProtocols: t, common } = useText();
  const [draft, setDraft] = useState(kept);
  const [saved, setSaved] = useState(false);
  const action = useAction(() => undefined);
  const submit = async (run: () => Promise<unknown>) => {
    setSaved(false);
    if (await action.run(run)) {
      setSaved(true);
      onSaved();
    }
  };
  const isChanged = protocolsText(draft) !== protocolsText(kept);
  return (
    <section className="mt-4">
      <HangingEditor draft={draft} onChange={setDraft} />
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="mt-3 flex items-center gap-2">
        <button
          type="button"
          className="control"
          disabled={action.busy || !isChanged}
          onClick={() => void submit(() => hanging.put({ protocols: [...draft] }))}
        >
          {common.save}
        </button>
        <button type="button" className="control" disabled={!isChanged} onClick={() => setDraft(kept)}>
          {t.undo}
        </button>
        <SureButton word={t.shipped} label={t.shipped} busy={action.busy} onSure={() => void submit(hanging.reset)} />
        <span role="status" className="text-good">
          {saved && t.savedHanging}
        </span>
      </div>
      <details className="mt-4 max-w-4xl">
        <summary className="rounded">{t.asJson}</summary>
        <JsonEditor key={protocolsText(draft)} draft={draft} onTake={setDraft} />
      </details>
    </section>
  );
}

/** All protocols as text, to be taken over from another node or changed in many places at once. */
function JsonEditor({
  draft,
  onTake,
}: {
  draft: readonly HangingProtocol[];
  onTake: (draft: readonly HangingProtocol[]) => void;
}) {
  const { hangingProtocols: t } = useText();
  const [text, setText] = useState(protocolsText(draft));
  const [problem, setProblem] = useState<Problem | null>(null);
  const take = () => {
    try {
      onTake(protocolsFrom(text).protocols);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <div className="mt-2">
      <label className="block text-xs text-dim">
        {t.hangingJson}
        <textarea
          className="mt-1 block h-96 w-full resize-y rounded-md border border-line-strong bg-ground p-3 font-mono text-xs text-ink"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {problem && <ProblemNote problem={problem} />}
      <button type="button" className="control mt-2" disabled={text === protocolsText(draft)} onClick={take}>
        {t.takeJson}
      </button>
    </div>
  );
}
