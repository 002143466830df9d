"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { BrushSize, ToolChoice } from "@/features/reader/components/masks/ToolChoice";
import { Section } from "@/features/reader/components/Section";
import type { MaskEditState } from "@/features/reader/hooks/masks/useMaskEditing";
import { useText } from "@/shared/hooks/useText";
import type { EditTool, LoadedMask } from "@/cornerstone";

const tools: readonly EditTool[] = ["brush", "eraser", "circle", "rectangle", "fill"];

/** Chooses a segment to edit, and holds the tools while one is edited. */
export function MaskEditBar({ masks, state }: { masks: readonly LoadedMask[]; state: MaskEditState }) {
  const { common, reader, viewing: t } = useText();
  const [reason, setReason] = useState("");
  const { editing, tool, notice, problem } = state;
  // One that was brought onto these images would be saved as what its sender never drew.
  const editable = masks.filter(({ notes }) => notes.length === 0);
  if (editable.length === 0) return null;
  if (!editing) {
    return (
      <Section title={t.editMask}>
        <div className="text-xs">
          <label className="flex items-center gap-2">
            <span className="text-dim">{t.segment}</span>
            <select
              className="control min-w-0 flex-1"
              data-testid="edit-segment"
              value=""
              onChange={(event) => {
                const [id, number] = event.target.value.split("#");
                const mask = editable.find((one) => one.segmentationId === id);
                event.target.blur();
                if (mask) state.begin(mask, Number(number));
              }}
            >
              <option value="" disabled>
                {t.chooseSegment}
              </option>
              {editable.flatMap((mask) =>
                mask.segments.map(({ segmentNumber, label }) => (
                  <option key={`${mask.segmentationId}#${segmentNumber}`} value={`${mask.segmentationId}#${segmentNumber}`}>
                    {label}
                  </option>
                )),
              )}
            </select>
          </label>
          <p role="status" className="mt-1 text-dim" data-testid="edit-notice">
            {notice}
          </p>
          {problem && <ProblemNote problem={problem} />}
        </div>
      </Section>
    );
  }
  const label = editing.mask.segments.find((one) => one.segmentNumber === editing.segmentNumber)?.label;
  return (
    <Section title={t.editMask}>
      <div className="space-y-2 rounded-md border border-accent/60 p-2 text-xs" data-testid="mask-editing">
        <p className="font-medium">{t.editingOf(label ?? "")}</p>
        <ToolChoice label={t.editTools} tools={tools} chosen={tool} nameOf={(name) => t.edits[name]} onChoose={state.setTool} />
        {(tool === "brush" || tool === "eraser") && (
          <BrushSize label={t.brushSize} radiusMm={state.brushRadiusMm} onChange={state.setBrushRadius} />
        )}
        <div className="flex flex-wrap gap-1">
          <button type="button" className="control px-2 py-0" onClick={state.undo}>
            {t.undo}
          </button>
          <button type="button" className="control px-2 py-0" onClick={state.redo}>
            {t.redo}
          </button>
          <button type="button" className="control px-2 py-0" onClick={state.interpolate}>
            {t.fillBetween}
          </button>
        </div>
        <label className="flex items-center gap-2">
          <span className="text-dim">{reader.reason}</span>
          <input
            className="control min-w-0 flex-1 px-2 py-0"
            data-testid="edit-reason"
            value={reason}
            maxLength={200}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        <div className="flex gap-2">
          <button
            type="button"
            className="control enabled:border-accent"
            data-testid="save-edit"
            disabled={state.saving}
            onClick={() => state.save(reason)}
          >
            {state.saving ? t.saving : t.saveMask}
          </button>
          <button type="button" className="control" disabled={state.saving} onClick={state.cancel}>
            {common.cancel}
          </button>
        </div>
        <p role="status" className="text-dim" data-testid="edit-notice">
          {notice}
        </p>
        {problem && <ProblemNote problem={problem} />}
      </div>
    </Section>
  );
}
