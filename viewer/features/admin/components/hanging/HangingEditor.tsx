"use client";

import { useState } from "react";
import { LayoutEditor } from "@/features/admin/components/hanging/LayoutEditor";
import { TryHanging } from "@/features/admin/components/hanging/TryHanging";
import { WordsField } from "@/features/admin/components/hanging/WordsField";
import { emptyViewport, freeName, layoutsOf, movedBy, newProtocol, withLayout } from "@/features/admin/lib/hangingDraft";
import { useText } from "@/shared/hooks/useText";
import type { HangingProtocol } from "@/shared/api/types";

/** The protocols in their order, one of them open: when it applies, its layouts, and what it makes of a real study. */
export function HangingEditor({
  draft,
  onChange,
}: {
  draft: readonly HangingProtocol[];
  onChange: (draft: readonly HangingProtocol[]) => void;
}) {
  const { hangingProtocols: t } = useText();
  const [open, setOpen] = useState(0);
  const [layoutAt, setLayoutAt] = useState(0);
  const at = Math.min(open, draft.length - 1);
  const protocol = draft[at];
  const change = (next: HangingProtocol) => onChange(draft.map((one, index) => (index === at ? next : one)));
  const choose = (index: number) => {
    setOpen(index);
    setLayoutAt(0);
  };
  const move = (by: number) => {
    onChange(movedBy(draft, at, by));
    choose(Math.max(0, Math.min(draft.length - 1, at + by)));
  };
  const add = (one: HangingProtocol) => {
    onChange([...draft, { ...one, name: freeName(one.name, draft.map(({ name }) => name)) }]);
    choose(draft.length);
  };
  const layouts = protocol ? layoutsOf(protocol) : [];
  const shownAt = Math.min(layoutAt, layouts.length - 1);
  const layout = layouts[shownAt];
  return (
    <div className="grid gap-4 lg:grid-cols-[16rem_minmax(0,1fr)]">
      <div>
        <ol aria-label={t.order} className="space-y-1">
          {draft.map((one, index) => (
            <li key={index}>
              <button
                type="button"
                data-testid="protocol-choice"
                title={one.name}
                aria-current={index === at}
                className="w-full truncate rounded-md border border-line px-2 py-1 text-left aria-current:border-accent aria-current:text-accent"
                onClick={() => choose(index)}
              >
                {`${index + 1}. ${one.name || t.unnamed}`}
              </button>
            </li>
          ))}
        </ol>
        <div className="mt-2 flex flex-wrap gap-1.5">
          <button type="button" className="control" data-testid="add-protocol" onClick={() => add(newProtocol(t.newName))}>
            {t.add}
          </button>
          {protocol && (
            <>
              <button type="button" className="control" onClick={() => add(protocol)}>
                {t.copy}
              </button>
              <button type="button" className="control" aria-label={t.earlier} title={t.earlier} disabled={at === 0} onClick={() => move(-1)}>
                <span aria-hidden="true">↑</span>
              </button>
              <button type="button" className="control" aria-label={t.later} title={t.later} disabled={at === draft.length - 1} onClick={() => move(1)}>
                <span aria-hidden="true">↓</span>
              </button>
              <button
                type="button"
                className="control"
                data-testid="remove-protocol"
                onClick={() => {
                  onChange(draft.filter((_, index) => index !== at));
                  choose(Math.max(0, at - 1));
                }}
              >
                {t.remove}
              </button>
            </>
          )}
        </div>
      </div>
      {protocol && layout && (
        <div className="min-w-0 space-y-3">
          <div className="grid gap-3 sm:grid-cols-3">
            <label className="block text-xs text-dim">
              {t.name}
              <input
                className="control mt-1 w-full text-ink"
                data-testid="protocol-name"
                value={protocol.name}
                maxLength={64}
                onChange={(event) => change({ ...protocol, name: event.target.value })}
              />
            </label>
            <WordsField label={t.modalities} hint="CT, MR" words={protocol.modalities} onChange={(modalities) => change({ ...protocol, modalities })} />
            <WordsField label={t.bodyParts} hint="CHEST" words={protocol.body_parts} onChange={(body_parts) => change({ ...protocol, body_parts })} />
          </div>
          <div role="group" aria-label={t.layouts} className="flex flex-wrap items-center gap-1.5">
            {layouts.map((one, index) => (
              <button
                key={index}
                type="button"
                aria-pressed={index === shownAt}
                className="control aria-pressed:border-accent aria-pressed:text-accent"
                onClick={() => setLayoutAt(index)}
              >
                {index === 0 ? t.firstLayout : one.name || t.unnamed}
              </button>
            ))}
            <button
              type="button"
              className="control"
              data-testid="add-stage"
              onClick={() => {
                const name = freeName(t.newStage, protocol.stages.map((one) => one.name));
                change({
                  ...protocol,
                  stages: [...protocol.stages, { name, rows: 1, columns: 1, linked: false, fused: false, viewports: [emptyViewport] }],
                });
                setLayoutAt(layouts.length);
              }}
            >
              {t.addStage}
            </button>
            {shownAt > 0 && (
              <button
                type="button"
                className="control"
                onClick={() => {
                  change({ ...protocol, stages: protocol.stages.filter((_, index) => index !== shownAt - 1) });
                  setLayoutAt(shownAt - 1);
                }}
              >
                {t.removeStage}
              </button>
            )}
          </div>
          <LayoutEditor
            key={`${at} ${shownAt}`}
            layout={layout}
            isStage={shownAt > 0}
            onChange={(next) => change(withLayout(protocol, shownAt, next))}
          />
          <TryHanging protocol={protocol} layoutAt={shownAt} />
        </div>
      )}
    </div>
  );
}
