"use client";

import { useState } from "react";
import { WordsField } from "@/features/admin/components/hanging/WordsField";
import { withGridOf, withViewport, type HangingLayout, type HangingViewport } from "@/features/admin/lib/hangingDraft";
import { useText } from "@/shared/hooks/useText";

const counts = [1, 2, 3] as const;

/** One layout as it is seen: its rows and columns, and what the chosen viewport shows. */
export function LayoutEditor({
  layout,
  isStage,
  onChange,
}: {
  layout: HangingLayout;
  isStage: boolean;
  onChange: (layout: HangingLayout) => void;
}) {
  const { hangingProtocols: t } = useText();
  const [chosen, setChosen] = useState(0);
  const place = Math.min(chosen, layout.viewports.length - 1);
  const viewport = layout.viewports[place];
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-end gap-3">
        {isStage && (
          <label className="block text-xs text-dim">
            {t.stageName}
            <input className="control mt-1 text-ink" value={layout.name} maxLength={64} onChange={(event) => onChange({ ...layout, name: event.target.value })} />
          </label>
        )}
        <label className="block text-xs text-dim">
          {t.layout}
          <select
            className="control mt-1 text-ink"
            data-testid="protocol-grid"
            value={`${layout.rows} ${layout.columns}`}
            onChange={(event) => {
              const [rows = 1, columns = 1] = event.target.value.split(" ").map(Number);
              onChange(withGridOf(layout, rows, columns));
            }}
          >
            {counts.flatMap((rows) =>
              counts.map((columns) => (
                <option key={`${rows} ${columns}`} value={`${rows} ${columns}`}>
                  {rows} × {columns}
                </option>
              )),
            )}
          </select>
        </label>
        <label className="flex items-center gap-1.5 pb-1 text-xs">
          <input type="checkbox" className="size-4 accent-accent" checked={layout.linked} onChange={(event) => onChange({ ...layout, linked: event.target.checked })} />
          {t.linked}
        </label>
        {(layout.fused || layout.viewports.length === 2) && (
          <label className="flex items-center gap-1.5 pb-1 text-xs">
            <input type="checkbox" className="size-4 accent-accent" checked={layout.fused} onChange={(event) => onChange({ ...layout, fused: event.target.checked })} />
            {t.fused}
          </label>
        )}
      </div>
      <div
        data-testid="layout-preview"
        className="grid aspect-video w-full max-w-2xl gap-1 rounded-md bg-line p-1"
        style={{ gridTemplateColumns: `repeat(${layout.columns}, minmax(0, 1fr))`, gridTemplateRows: `repeat(${layout.rows}, minmax(0, 1fr))` }}
      >
        {layout.viewports.map((one, index) => (
          <button
            key={index}
            type="button"
            data-testid="preview-viewport"
            aria-pressed={index === place}
            className={`min-h-0 overflow-hidden rounded p-2 text-left text-xs aria-pressed:outline-2 aria-pressed:outline-accent ${
              one.study === "prior" ? "bg-raised text-warn" : "bg-ground"
            }`}
            onClick={() => setChosen(index)}
          >
            <ViewportWords viewport={one} />
          </button>
        ))}
      </div>
      {viewport && (
        <ViewportForm
          key={place}
          number={place + 1}
          viewport={viewport}
          onChange={(change) => onChange(withViewport(layout, place, change))}
        />
      )}
    </div>
  );
}

function ViewportWords({ viewport }: { viewport: HangingViewport }) {
  const { hangingProtocols: t } = useText();
  const { modalities, laterality, views, role, kind, description_contains: contains, description_lacks: lacks, window } = viewport;
  const conditions = [modalities.join("/"), role && t.roles[role], laterality, views.join("/"), kind && t.kinds[kind], contains.join("/"), lacks.map((word) => `≠ ${word}`).join(" ")].filter(Boolean);
  return (
    <>
      <span className="block font-medium">{viewport.study === "prior" ? t.priorStudy : t.currentStudy}</span>
      <span className="block">{conditions.join(" · ") || t.anySeries}</span>
      {window && <span className="block text-dim">{`W ${window.width} L ${window.center}`}</span>}
      {!viewport.required && <span className="block text-dim">{t.mayBeEmpty}</span>}
    </>
  );
}

function ViewportForm({
  number,
  viewport,
  onChange,
}: {
  number: number;
  viewport: HangingViewport;
  onChange: (change: Partial<HangingViewport>) => void;
}) {
  const { hangingProtocols: t } = useText();
  const { window } = viewport;
  const field = "block text-xs text-dim";
  return (
    <fieldset className="grid gap-3 rounded-md border border-line p-3 sm:grid-cols-3" data-testid="viewport-form">
      <legend className="px-1 text-xs text-dim">{t.viewport(number)}</legend>
      <label className={field}>
        {t.study}
        <select className="control mt-1 w-full text-ink" data-testid="viewport-study" value={viewport.study} onChange={(event) => onChange({ study: event.target.value as HangingViewport["study"] })}>
          <option value="current">{t.currentStudy}</option>
          <option value="prior">{t.priorStudy}</option>
        </select>
      </label>
      <WordsField label={t.modalities} hint="CT" words={viewport.modalities} onChange={(modalities) => onChange({ modalities })} />
      <label className={field}>
        {t.role}
        <select className="control mt-1 w-full text-ink" data-testid="viewport-role" value={viewport.role} onChange={(event) => onChange({ role: event.target.value as HangingViewport["role"] })}>
          <option value="">{t.any}</option>
          {Object.entries(t.roles).map(([role, name]) => (
            <option key={role} value={role}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <WordsField label={t.contains} words={viewport.description_contains} onChange={(words) => onChange({ description_contains: words })} />
      <WordsField label={t.lacks} words={viewport.description_lacks} onChange={(words) => onChange({ description_lacks: words })} />
      <label className={field}>
        {t.laterality}
        <select className="control mt-1 w-full text-ink" value={viewport.laterality} onChange={(event) => onChange({ laterality: event.target.value as HangingViewport["laterality"] })}>
          <option value="">{t.any}</option>
          <option value="R">R</option>
          <option value="L">L</option>
        </select>
      </label>
      <WordsField label={t.views} hint="CC, MLO" words={viewport.views} onChange={(views) => onChange({ views })} />
      <label className={field}>
        {t.kind}
        <select className="control mt-1 w-full text-ink" data-testid="viewport-kind" value={viewport.kind} onChange={(event) => onChange({ kind: event.target.value as HangingViewport["kind"] })}>
          <option value="">{t.any}</option>
          {(["usual", "special", "implant_displaced", "tomosynthesis"] as const).map((one) => (
            <option key={one} value={one}>
              {t.kinds[one]}
            </option>
          ))}
        </select>
      </label>
      <div className={field}>
        {t.window}
        <span className="mt-1 flex gap-1.5">
          {(["width", "center"] as const).map((part) => (
            <input
              key={part}
              type="number"
              aria-label={t.windowParts[part]}
              placeholder={part === "width" ? "W" : "L"}
              className="control w-20 text-ink"
              value={window?.[part] ?? ""}
              onChange={(event) => {
                const next = { width: window?.width ?? 400, center: window?.center ?? 40, [part]: Number(event.target.value) };
                onChange({ window: event.target.value === "" ? null : next });
              }}
            />
          ))}
        </span>
      </div>
      <label className="flex items-center gap-1.5 text-xs">
        <input type="checkbox" className="size-4 accent-accent" checked={viewport.each_image} onChange={(event) => onChange({ each_image: event.target.checked })} />
        {t.eachImage}
      </label>
      <label className="flex items-center gap-1.5 text-xs">
        <input type="checkbox" className="size-4 accent-accent" checked={viewport.required} onChange={(event) => onChange({ required: event.target.checked })} />
        {t.required}
      </label>
    </fieldset>
  );
}
