"use client";

import { useEffect, useRef, useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Section } from "@/features/reader/components/Section";
import { DrawnSegments } from "@/features/reader/components/masks/DrawnSegments";
import { DrawTools } from "@/features/reader/components/masks/DrawTools";
import type { DrawingState } from "@/features/reader/hooks/masks/drawingState";
import { focusHome } from "@/shared/lib/keys/focus";
import { useText } from "@/shared/hooks/useText";
import type { LoadedSeries } from "@/cornerstone";
import type { DrawnSegmentation } from "@/shared/api/types";

/** The id of the panel that holds the tools. */
export const drawPanel = "draw-panel";

/** Begins a segmentation of one's own on the open series, goes on with a saved one, and holds the tools. */
export function DrawPanel({
  state,
  series,
  saved,
}: {
  state: DrawingState;
  series: LoadedSeries | null;
  /** The newest versions that readers drew in the study. */
  saved: readonly DrawnSegmentation[];
}) {
  const { viewing } = useText();
  const t = viewing.drawing;
  const [withContours, setContours] = useState(false);
  const [closing, setClosing] = useState(false);
  const { open, problem } = state;
  const panel = useRef<HTMLDivElement>(null);
  const isOpen = open !== null;
  useEffect(() => {
    if (isOpen) panel.current?.focus();
  }, [isOpen]);
  if (!series) return null;
  if (!open) {
    return (
      <Section title={t.title}>
        <div className="space-y-2 text-xs" data-testid="drawings">
          {state.refusal ? (
            <p className="text-dim">{t.notHere(state.refusal)}</p>
          ) : (
            <>
              <button type="button" data-testid="begin-drawing" className="control" onClick={() => state.begin()}>
                {t.begin}
              </button>
              {saved
                .filter((one) => one.source_series_instance_uid === series.seriesInstanceUid)
                .map((one) => (
                  <p key={one.sop_instance_uid} className="flex items-center gap-2">
                    <button type="button" className="control min-w-0 truncate px-2 py-0" data-testid="continue-drawing" onClick={() => state.begin(one)}>
                      {t.proceed(one.title, one.version)}
                    </button>
                    <span className="text-dim">{t.drawnBy(one.author)}</span>
                  </p>
                ))}
            </>
          )}
          <p role="status" className="text-dim" data-testid="draw-notice">
            {state.notice}
          </p>
          {problem && <ProblemNote problem={problem} />}
        </div>
      </Section>
    );
  }
  return (
    <Section title={t.title}>
      <div
        ref={panel}
        id={drawPanel}
        role="group"
        aria-label={t.title}
        tabIndex={-1}
        {...{ [focusHome]: "" }}
        className="space-y-3 rounded-md border border-accent/60 p-2 text-xs"
        data-testid="drawing" aria-busy={state.busy}>
        <label className="flex items-center gap-2">
          <span className="w-16 text-dim">{t.name}</span>
          <input
            className="control min-w-0 flex-1 px-2 py-0"
            data-testid="draw-title"
            value={open.title}
            maxLength={24}
            onChange={(event) => state.setTitle(event.target.value)}
          />
        </label>
        <DrawnSegments state={state} open={open} />
        <DrawTools state={state} />
        <label className="flex items-center gap-2">
          <input type="checkbox" className="size-4 accent-accent" checked={withContours} onChange={(event) => setContours(event.target.checked)} />
          {t.contours}
        </label>
        <div className="flex flex-wrap gap-2">
          <button
            type="button"
            className="control enabled:border-accent"
            data-testid="save-drawing"
            disabled={state.busy || open.title.trim() === ""}
            onClick={() => state.save(withContours)}
          >
            {t.save}
          </button>
          <button
            type="button"
            className="control"
            disabled={state.busy}
            onBlur={() => setClosing(false)}
            onClick={() => {
              // What was drawn is gone with it: a second press says so.
              if (closing || state.statistics.size === 0) state.close();
              setClosing(!closing && state.statistics.size > 0);
            }}
          >
            {closing ? t.reallyClose : t.close}
          </button>
        </div>
        <p role="status" className="text-dim" data-testid="draw-notice">
          {state.busy ? t.working : state.notice}
        </p>
        {problem && <ProblemNote problem={problem} />}
      </div>
    </Section>
  );
}
