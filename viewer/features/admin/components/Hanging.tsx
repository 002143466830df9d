"use client";

import { useState } from "react";
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
            <Editor key={protocolsText(protocols)} kept={protocolsText(protocols)} onSaved={fetched.reload} />
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

function Editor({ kept, onSaved }: { kept: string; onSaved: () => void }) {
  const { hangingProtocols, common } = useText();
  const [text, setText] = useState(kept);
  const [saved, setSaved] = useState(false);
  const action = useAction(() => undefined);
  const submit = async (run: () => Promise<unknown>) => {
    setSaved(false);
    if (await action.run(run)) {
      setSaved(true);
      onSaved();
    }
  };
  return (
    <section className="mt-4 max-w-4xl">
      <label className="block text-xs text-dim">
        {hangingProtocols.hangingJson}
        <textarea
          className="mt-1 block h-96 w-full resize-y rounded-md border border-line-strong bg-ground p-3 font-mono text-xs text-ink"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="mt-2 flex items-center gap-2">
        <button
          type="button"
          className="control"
          disabled={action.busy || text === kept}
          onClick={() => void submit(() => hanging.put(protocolsFrom(text)))}
        >
          {common.save}
        </button>
        <button type="button" className="control" disabled={text === kept} onClick={() => setText(kept)}>
          {hangingProtocols.undo}
        </button>
        <SureButton
          word={hangingProtocols.shipped}
          label={hangingProtocols.shipped}
          busy={action.busy}
          onSure={() => void submit(hanging.reset)}
        />
        <span role="status" className="text-good">
          {saved && hangingProtocols.savedHanging}
        </span>
      </div>
    </section>
  );
}
