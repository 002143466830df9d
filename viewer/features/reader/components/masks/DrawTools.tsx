"use client";

import { useState } from "react";
import type { DrawingState } from "@/features/reader/hooks/masks/drawingState";
import type { DrawingTool } from "@/features/reader/hooks/masks/drawingSteps";
import { BrushSize, ToolChoice } from "@/features/reader/components/masks/ToolChoice";
import { useText } from "@/shared/hooks/useText";
import { stringOf } from "@/dicom/dicomweb";

const tools: readonly DrawingTool[] = ["brush", "eraser", "threshold", "grow", "circle", "rectangle", "fill"];
const sized = new Set<DrawingTool>(["brush", "eraser", "threshold"]);

/** What changes the chosen segment: by the left button, or by these buttons alone. */
export function DrawTools({ state }: { state: DrawingState }) {
  const { viewing } = useText();
  const t = viewing.drawing;
  const { tool, range, targets } = state;
  const [target, setTarget] = useState("");
  const usedTarget = targets.some(({ seriesInstanceUid }) => seriesInstanceUid === target) ? target : "";
  return (
    <div className="space-y-2">
      <ToolChoice label={t.tools} tools={tools} chosen={tool} nameOf={(name) => t.tool[name]} onChoose={state.setTool} />
      {sized.has(tool) && <BrushSize label={t.size} radiusMm={state.radiusMm} onChange={state.setRadius} />}
      <fieldset className="flex flex-wrap items-center gap-1.5">
        <legend className="float-left w-16 text-dim">{t.range}</legend>
        {(["lower", "upper"] as const).map((end) => (
          <label key={end} className="flex items-center gap-1">
            {end === "lower" ? t.from : t.to}
            <input
              type="number"
              className="control w-20 px-1.5 py-0"
              data-testid={`draw-${end}`}
              value={range[end]}
              onChange={(event) => {
                const value = event.target.valueAsNumber;
                if (Number.isFinite(value)) state.setRange({ ...range, [end]: value });
              }}
            />
          </label>
        ))}
      </fieldset>
      {tool === "grow" && (
        <label className="flex items-center gap-2">
          <input type="checkbox" className="size-4 accent-accent" checked={state.sliceOnly} onChange={(event) => state.setSliceOnly(event.target.checked)} />
          {t.sliceOnly}
        </label>
      )}
      <div className="flex flex-wrap gap-1.5">
        {(sized.has(tool) || tool === "grow") && <Press onPress={state.useInMiddle}>{t.inMiddle}</Press>}
        <Press onPress={() => state.fillRange("slice")}>{t.fillSlice}</Press>
        <Press onPress={() => state.fillRange("all")}>{t.fillAll}</Press>
        <Press onPress={state.interpolate}>{t.interpolate}</Press>
        <Press onPress={state.undo}>{viewing.undo}</Press>
        <Press onPress={state.redo}>{viewing.redo}</Press>
      </div>
      {targets.length > 0 && (
        <div className="flex items-center gap-1.5">
          <select className="control min-w-0 flex-1" aria-label={t.copyTo} data-testid="copy-target" value={usedTarget} onChange={(event) => setTarget(event.target.value)}>
            <option value="" disabled>
              {t.chooseSeries}
            </option>
            {targets.map((one) => (
              <option key={one.seriesInstanceUid} value={one.seriesInstanceUid}>
                {t.seriesName(stringOf(one.order.slices[0]?.dataset ?? {}, "0008103E"), one.modality)}
              </option>
            ))}
          </select>
          <button type="button" className="control min-h-6 px-2 py-0" data-testid="copy-segment" disabled={usedTarget === ""} onClick={() => state.copyTo(usedTarget)}>
            {t.copy}
          </button>
        </div>
      )}
    </div>
  );
}

function Press({ children, onPress }: { children: string; onPress: () => void }) {
  return (
    <button type="button" className="control min-h-6 px-2 py-0" onClick={onPress}>
      {children}
    </button>
  );
}
