"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { MaskEditing, type EditTool, type LoadedMask, type LoadedSeries, type Scene } from "@/cornerstone";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import { saveMaskEdit } from "@/features/reader/lib/masks/maskEdit";

export interface MaskEditState {
  /** The segment that is edited; null while none is. */
  editing: { mask: LoadedMask; segmentNumber: number } | null;
  tool: EditTool;
  brushRadiusMm: number;
  saving: boolean;
  /** Shown after something was done: how many slices were filled, or that it was saved. */
  notice: string;
  problem: Problem | null;
  begin: (mask: LoadedMask, segmentNumber: number) => void;
  /** Ends without saving; the mask stays as it was stated. */
  cancel: () => void;
  setTool: (tool: EditTool) => void;
  setBrushRadius: (mm: number) => void;
  undo: () => void;
  redo: () => void;
  interpolate: () => void;
  /** Saves what was changed as a new SEG and SR, with a reason, and ends. */
  save: (reason: string) => void;
}

/** Editing the segment of an AI's mask: with brush, eraser, scissors and fill, undone step by step. */
export function useMaskEditing(
  scene: Scene | null,
  series: LoadedSeries | null,
  onSaved: () => void,
): MaskEditState {
  const [editing, setEditing] = useState<MaskEditState["editing"]>(null);
  const [tool, setToolState] = useState<EditTool>("brush");
  const [brushRadiusMm, setRadiusMm] = useState(6);
  const [saving, setSaving] = useState(false);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const session = useRef<MaskEditing | null>(null);

  const end = useCallback(() => {
    session.current?.end();
    session.current = null;
    scene?.mouse.edit(null);
    setEditing(null);
  }, [scene]);

  // Another series, or another page: what was not saved is not kept.
  useEffect(() => {
    return () => {
      session.current?.end();
      session.current = null;
      scene?.mouse.edit(null);
    };
  }, [scene, series]);

  return {
    editing,
    tool,
    brushRadiusMm,
    saving,
    notice,
    problem,
    begin: (mask, segmentNumber) => {
      if (!scene || !series) return;
      end();
      setNotice("");
      setProblem(null);
      try {
        const begun = MaskEditing.begin(series, mask, segmentNumber);
        begun.activateIn(scene.views.ids);
        session.current = begun;
        scene.mouse.edit(tool);
        scene.mouse.setBrushRadius(brushRadiusMm);
        setEditing({ mask, segmentNumber });
      } catch (error) {
        setProblem(asProblem(error));
      }
    },
    cancel: end,
    setTool: (next) => {
      setToolState(next);
      scene?.mouse.edit(next);
    },
    setBrushRadius: (mm) => {
      setRadiusMm(mm);
      scene?.mouse.setBrushRadius(mm);
    },
    undo: () => session.current?.undo(),
    redo: () => session.current?.redo(),
    interpolate: () => {
      const filled = session.current?.interpolate() ?? 0;
      setNotice(filled > 0 ? text().viewing.slicesFilled(filled) : text().viewing.drawTwo);
    },
    save: (reason) => {
      const edit = session.current?.edit;
      if (!edit || !series || !editing || saving) return;
      if (edit.slices.length === 0) {
        setNotice(text().viewing.nothingChanged);
        return;
      }
      setSaving(true);
      setProblem(null);
      saveMaskEdit(series.studyInstanceUid, editing.mask.sopInstanceUid, edit, reason)
        .then(
          () => {
            end();
            setNotice(text().viewing.maskSaved);
            onSaved();
          },
          (error: unknown) => setProblem(asProblem(error)),
        )
        .finally(() => setSaving(false));
    },
  };
}
