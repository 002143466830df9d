"use client";

import { useCurved } from "@/features/reader/hooks/curved/useCurved";
import { useClicking } from "@/features/reader/hooks/masks/useClicking";
import { useDrawing } from "@/features/reader/hooks/masks/useDrawing";
import { useMaskControls } from "@/features/reader/hooks/masks/useMaskControls";
import { useMaskEditing } from "@/features/reader/hooks/masks/useMaskEditing";
import { useAxisCurve } from "@/features/reader/hooks/measurements/useAxisCurve";
import { useKeyImages } from "@/features/reader/hooks/measurements/useKeyImages";
import { useMeasurementTexts } from "@/features/reader/hooks/measurements/useMeasurementTexts";
import { useMeasurements } from "@/features/reader/hooks/measurements/useMeasurements";
import { useUptake } from "@/features/reader/hooks/measurements/useUptake";
import { useActiveSlice } from "@/features/reader/hooks/stage/useActiveSlice";
import { useCine } from "@/features/reader/hooks/tools/useCine";
import { useReformat } from "@/features/reader/hooks/tools/useReformat";
import { useStackSlab } from "@/features/reader/hooks/tools/useStackSlab";
import { useToolByKeys } from "@/features/reader/hooks/tools/useToolByKeys";
import { useSubtraction } from "@/features/reader/hooks/tools/useSubtraction";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import type { ToolName } from "@/cornerstone";

/** What a person does with the images that are shown: measures, draws, edits, plays. */
export type Reading = ReturnType<typeof useReading>;

/** `tool`: what the left mouse button does. `reload`: something was saved that the study's findings may show. */
export function useReading(reader: ReaderState, studyInstanceUid: string, tool: ToolName, reload: () => void) {
  const { scene, series, layout } = reader;
  const controls = useMaskControls(scene, reader.masks.masks);
  const cine = useCine(scene, series, reader.shown);
  const maskEditing = useMaskEditing(scene, series, reload);
  const clicking = useClicking(scene, series, reload);
  const measurements = useMeasurements(scene, studyInstanceUid, reader.openSeries, reader.opened);
  const uptake = useUptake(series, measurements.list);
  const reformat = useReformat(scene, layout === "planes");
  const keyImages = useKeyImages(studyInstanceUid);
  const texts = useMeasurementTexts(measurements, studyInstanceUid, reader);
  const slice = useActiveSlice(reader);
  const byKeys = useToolByKeys(reader, tool, slice);
  const curves = useAxisCurve(reader, slice);
  const curved = useCurved(reader, tool);
  const subtraction = useSubtraction(scene, series, slice);
  const stackSlab = useStackSlab(scene, series, slice, layout);
  const drawing = useDrawing(
    scene,
    {
      series,
      opened: reader.opened,
      masks: reader.masks.masks,
      activeIndex: slice && series ? series.order.slices.indexOf(slice) : null,
      viewKey: reader.shown,
      isPaused: clicking.phase !== "off",
    },
    reload,
  );
  /** What undo and redo are of. */
  const changing = drawing.open && clicking.phase === "off" ? drawing : clicking.phase === "on" ? clicking : maskEditing.editing ? maskEditing : curved.isEdited ? curved : measurements;
  return { controls, cine, maskEditing, clicking, measurements, uptake, reformat, keyImages, texts, slice, byKeys, curved, curves, subtraction, stackSlab, drawing, changing };
}
