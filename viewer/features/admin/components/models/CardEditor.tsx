"use client";

import { useId, useRef, useState } from "react";
import { useCardCheck } from "@/features/admin/hooks/useCardCheck";
import { cardFields, cardOf, fieldText, withField, type Card } from "@/features/admin/lib/models/cardFields";
import { cards } from "@/features/admin/lib/models/modelsApi";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Answer, Field } from "@/shared/components/parts";
import { useAction } from "@/shared/hooks/useAction";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import type { CardCheck, CardText, Model } from "@/shared/api/types";

/** The card of one version: its main fields and the whole text, checked by the node as one types. */
export function CardEditor({ model, onSaved }: { model: Model; onSaved: () => void }) {
  const { modelCards: t } = useText();
  const fetched = useFetched((signal) => cards.get(model.name, model.version, signal), `${model.name} ${model.version} ${model.sha256}`);
  return (
    <section className="mt-3 border-t border-line pt-3" aria-label={t.cardOf(model.name, model.version)} data-testid="card-editor">
      <Answer fetched={fetched}>
        {/* What was saved is shown again. */}
        {(begun) => <Editor key={begun.digest} model={model} begun={begun} onSaved={onSaved} />}
      </Answer>
    </section>
  );
}

function Editor({ model, begun, onSaved }: { model: Model; begun: CardText; onSaved: () => void }) {
  const { modelCards: t } = useText();
  const [text, setText] = useState(begun.text);
  const area = useRef<HTMLTextAreaElement>(null);
  const saidId = useId();
  const saving = useAction(() => undefined);
  const { check, problem } = useCardCheck(model.name, model.version, text);
  const isChanged = text !== begun.text;
  const mistakes = check?.mistakes ?? [];
  const go = ({ line, column }: CardCheck["mistakes"][number]) => {
    const before = text.split("\n").slice(0, line - 1);
    const at = before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
    const shown = area.current;
    if (!shown) return;
    shown.focus();
    shown.setSelectionRange(at, at);
    // Browsers leave a caret that a page has set where it cannot be seen.
    shown.scrollTop = (shown.scrollHeight * (line - 1)) / text.split("\n").length - shown.clientHeight / 2;
  };
  const save = async () => {
    if (await saving.run(() => cards.save(model.name, model.version, text, begun.digest))) onSaved();
  };
  return (
    <>
      <p className="mb-2 text-dim">{begun.locked ? <span lang="en">{begun.locked}</span> : t.cardWhat}</p>
      <Fields card={cardOf(text)} mistakes={mistakes} isLocked={begun.locked !== ""} onChange={setText} />
      <label className="mt-3 block text-xs text-dim">
        {t.text}
        <textarea
          ref={area}
          className="mt-1 block h-72 w-full resize-y rounded-md border border-line-strong bg-ground p-3 font-mono text-xs text-ink aria-invalid:border-bad"
          spellCheck={false}
          value={text}
          readOnly={begun.locked !== ""}
          aria-invalid={mistakes.length > 0}
          aria-describedby={saidId}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <div id={saidId} role="status" className="mt-1 text-[0.8125rem]" data-testid="card-check" data-mistakes={check ? mistakes.length : undefined}>
        {!check && !problem && <p className="text-dim">{t.checking}</p>}
        {check && mistakes.length === 0 && <p className="text-good">{isChanged ? t.isValid : t.isSame}</p>}
        {mistakes.length > 0 && <p className="text-bad">{t.mistakes(mistakes.length)}</p>}
      </div>
      {mistakes.length > 0 && <Mistakes mistakes={mistakes} onGo={go} />}
      {(saving.problem ?? problem) && <ProblemNote problem={(saving.problem ?? problem)!} />}
      {check && check.changes !== "" && (
        <details className="mt-2 text-[0.8125rem]">
          <summary className="rounded text-dim">{t.changes}</summary>
          <pre tabIndex={0} className="max-h-60 overflow-auto rounded-md border border-line bg-ground p-3 font-mono text-xs">
            {check.changes}
          </pre>
        </details>
      )}
      {!begun.locked && (
        <div className="mt-2 flex flex-wrap gap-2">
          <button
            type="button"
            className="control"
            disabled={saving.busy || !isChanged || !check || mistakes.length > 0}
            onClick={() => void save()}
          >
            {t.save}
          </button>
          <button type="button" className="control" disabled={!isChanged} onClick={() => setText(begun.text)}>
            {t.undo}
          </button>
        </div>
      )}
    </>
  );
}

function Fields({
  card,
  mistakes,
  isLocked,
  onChange,
}: {
  card: Card | null;
  mistakes: CardCheck["mistakes"];
  isLocked: boolean;
  onChange: (text: string) => void;
}) {
  const { modelCards: t } = useText();
  if (!card) return <p className="text-warn">{t.notJson}</p>;
  return (
    <fieldset className="grid gap-2 sm:grid-cols-2">
      <legend className="sr-only">{t.fieldsWhat}</legend>
      {cardFields.map((field) => {
        const wrong = mistakes.find((one) => one.path === field);
        return (
          <div key={field}>
            <Field
              label={t.fields[field]}
              value={fieldText(card, field)}
              readOnly={isLocked}
              aria-invalid={wrong !== undefined}
              autoComplete="off"
              onChange={(event) => onChange(withField(card, field, event.target.value))}
            />
            {wrong && (
              <p className="text-xs text-bad" lang="en">
                {wrong.detail}
              </p>
            )}
          </div>
        );
      })}
    </fieldset>
  );
}

function Mistakes({ mistakes, onGo }: { mistakes: CardCheck["mistakes"]; onGo: (mistake: CardCheck["mistakes"][number]) => void }) {
  const { modelCards: t } = useText();
  return (
    <ul className="mt-1 max-h-48 space-y-1 overflow-y-auto text-[0.8125rem]" data-testid="card-mistakes">
      {mistakes.map((one, index) => (
        <li key={`${index}${one.path}`}>
          <button type="button" className="text-accent underline" onClick={() => onGo(one)}>
            {t.line(one.line, one.column)}
          </button>{" "}
          <span lang="en">
            {one.path && <code className="font-mono">{one.path}</code>}
            {one.value && <code className="font-mono"> = {one.value}</code>}
            {(one.path || one.value) && ": "}
            {one.detail} <span className="text-dim">{one.remedy}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}
