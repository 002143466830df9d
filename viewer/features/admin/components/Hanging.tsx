"use client";

import { useState } from "react";
import { ProtocolsForm } from "@/features/admin/components/hanging/ProtocolsForm";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { writtenJson } from "@/shared/lib/writtenJson";
import type { HangingProtocol, HangingProtocols } from "@/shared/api/types";
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
            <Editor kept={protocols} onSaved={fetched.reload} />
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
            {[one.study === "prior" && hangingProtocols.prior, ...one.modalities, one.role && hangingProtocols.roles[one.role], one.laterality, ...one.views, ...one.description_contains]
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
  const { hangingProtocols: t } = useText();
  const action = useAction(() => undefined);
  const submit = async (run: () => Promise<unknown>): Promise<boolean> => {
    const isDone = await action.run(run);
    if (isDone) onSaved();
    return isDone;
  };
  return (
    <section className="mt-4">
      <ProtocolsForm
        kept={kept}
        busy={action.busy}
        problem={action.problem}
        onSave={(protocols) => submit(() => hanging.put({ protocols }))}
        savedText={t.savedHanging}
      >
        <SureButton word={t.shipped} label={t.shipped} busy={action.busy} onSure={() => void submit(hanging.reset)} />
      </ProtocolsForm>
      <details className="mt-4 max-w-4xl">
        <summary className="rounded">{t.asJson}</summary>
        <JsonEditor
          kept={JSON.stringify({ protocols: kept }, null, 2)}
          busy={action.busy}
          onSave={(written) => submit(async () => hanging.put(writtenJson(written) as HangingProtocols))}
        />
      </details>
    </section>
  );
}

/** All protocols as text, to be taken over from another node or changed in many places at once; the node reads it. */
function JsonEditor({ kept, busy, onSave }: { kept: string; busy: boolean; onSave: (written: string) => Promise<boolean> }) {
  const { hangingProtocols: t } = useText();
  const [known, setKnown] = useState(kept);
  const [written, setWritten] = useState(kept);
  if (known !== kept) {
    setKnown(kept);
    setWritten(kept);
  }
  return (
    <div className="mt-2">
      <label className="block text-xs text-dim">
        {t.hangingJson}
        <textarea
          className="mt-1 block h-96 w-full resize-y rounded-md border border-line-strong bg-ground p-3 font-mono text-xs text-ink"
          spellCheck={false}
          value={written}
          onChange={(event) => setWritten(event.target.value)}
        />
      </label>
      <button type="button" className="control mt-2" disabled={busy || written === kept} onClick={() => void onSave(written)}>
        {t.takeJson}
      </button>
    </div>
  );
}
