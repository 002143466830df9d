"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Answer, Field } from "@/shared/components/parts";
import { useAction } from "@/shared/hooks/useAction";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { RulesPreview } from "@/features/admin/components/rules/RulesPreview";
import { RuleVersions } from "@/features/admin/components/rules/RuleVersions";
import { rules } from "@/features/admin/lib/rulesApi";
import type { RulesPreview as Preview, RulesText } from "@/shared/api/types";

/** The rules as text: tried on the newest studies, saved as a version, gone back from. */
export function RulesEditor({ onSaved }: { onSaved: () => void }) {
  const fetched = useFetched(rules.text);
  const saved = () => {
    fetched.reload();
    onSaved();
  };
  return (
    <Answer fetched={fetched}>
      {/* What was saved is shown again. */}
      {(begun) => <Editor key={`${begun.version}${begun.text}`} begun={begun} onSaved={saved} />}
    </Answer>
  );
}

const STUDIES = 500;

function Editor({ begun, onSaved }: { begun: RulesText; onSaved: () => void }) {
  const { siteRules: t, common, hangingProtocols } = useText();
  const [text, setText] = useState(begun.text);
  const [comment, setComment] = useState("");
  const [tried, setTried] = useState<{ text: string; preview: Preview } | null>(null);
  const trying = useAction(() => undefined);
  const saving = useAction(() => undefined);
  const isChanged = text !== begun.text;
  const save = async () => {
    if (await saving.run(() => rules.save({ text, based_on: begun.digest, comment }))) onSaved();
  };
  return (
    <section className="mt-4 max-w-5xl" data-testid="rules-editor">
      <h2 className="mb-2 font-semibold">{t.edit}</h2>
      <p className="mb-2 max-w-3xl text-dim">{begun.is_read_only ? t.readOnly(begun.file) : t.editWhat}</p>
      <label className="block text-xs text-dim">
        {begun.version ? t.textOf(begun.version) : begun.file}
        <textarea
          className="mt-1 block h-80 w-full resize-y rounded-md border border-line-strong bg-ground p-3 font-mono text-xs text-ink"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {(trying.problem ?? saving.problem) && <ProblemNote problem={(trying.problem ?? saving.problem)!} />}
      <div className="mt-2 flex flex-wrap items-end gap-2">
        <button
          type="button"
          className="control"
          disabled={trying.busy}
          onClick={() => void trying.run(async () => setTried({ text, preview: await rules.preview(text, STUDIES) }))}
        >
          {trying.busy ? t.trying : t.try}
        </button>
        {!begun.is_read_only && (
          <>
            <div className="min-w-64 flex-1">
              <Field label={t.comment} value={comment} maxLength={500} onChange={(event) => setComment(event.target.value)} />
            </div>
            <button type="button" className="control" disabled={saving.busy || !isChanged} onClick={() => void save()}>
              {common.save}
            </button>
          </>
        )}
        <button type="button" className="control" disabled={!isChanged} onClick={() => setText(begun.text)}>
          {hangingProtocols.undo}
        </button>
      </div>
      {tried && <RulesPreview preview={tried.preview} isOutdated={tried.text !== text} />}
      <RuleVersions inForce={begun.version} onTake={begun.is_read_only ? undefined : setText} />
    </section>
  );
}
