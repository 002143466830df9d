"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { movedBy, onImage, onScreen, wayOf, windowedBy, type Way } from "@/features/reader/lib/stage/keySteps";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { proportionsAt } from "@/dicom/calibration/scale";
import { numbersOf } from "@/dicom/dicomweb";
import type { Slice } from "@/dicom/geometry";
import { kinds, type MeasuringKind } from "@/dicom/measurements/measurement";
import { shapeOfPlaces, type Place, type PlacedShape } from "@/dicom/measurements/placed";
import { askForText, cells, placeLevel, type ToolName, type ViewId } from "@/cornerstone";
import { text } from "@/shared/i18n";

/** What the arrows do: change the picture, or move a cursor that sets points. */
type Work = "picture" | "points";

export interface WorkingTool {
  tool: ToolName;
  viewId: ViewId;
  /** The image that the points lie on. */
  slice: Slice | null;
  /** Where the cursor is, on the image; null while the arrows change the picture. */
  at: Place | null;
  places: readonly Place[];
  /** How many times as high as wide a pixel is worth. */
  stretch: number;
}

export interface ToolByKeys {
  working: WorkingTool | null;
  begin: () => void;
}

/** A region of two corners has the shape of a rectangle. */
export function kindOfTool(tool: ToolName): MeasuringKind | null {
  if (tool === "region") return "rectangle";
  return kinds.find((kind) => kind === tool) ?? null;
}

function workOf(tool: ToolName): Work | null {
  if (tool === "window" || tool === "zoom" || tool === "pan") return "picture";
  return kindOfTool(tool) ? "points" : null;
}

function sizeOf({ dataset }: Slice): { columns: number; rows: number } {
  return { columns: numbersOf(dataset, "00280011")[0] ?? 0, rows: numbersOf(dataset, "00280010")[0] ?? 0 };
}

const zoomStep = 1.03;
const panStepPx = 4;

/** The tool of the left mouse button, worked with the arrows and Enter. */
export function useToolByKeys(reader: ReaderState, tool: ToolName, slice: Slice | null): ToolByKeys {
  const { scene, views, layout, arrangement } = reader;
  const viewId: ViewId = layout === "planes" ? "axial" : (cells[arrangement?.active ?? 0] ?? "cell-1");
  const [working, setWorking] = useState<WorkingTool | null>(null);

  // Another view ends it, another image its points; another tool goes on where the cursor is.
  if (working && (working.viewId !== viewId || layout === "volume" || !workOf(tool))) setWorking(null);
  else if (working && working.tool !== tool) setWorking(startOf(tool, working.at));
  else if (working && working.slice !== slice) setWorking({ ...working, slice, places: [] });

  function startOf(next: ToolName, before: Place | null): WorkingTool | null {
    const work = workOf(next);
    const start = { tool: next, viewId, slice, places: [], stretch: 1 };
    if (work === "picture") return { ...start, at: null };
    const matrix = views.get(viewId).info?.imageMatrix;
    const element = scene?.activeView?.element;
    if (work === null || !slice || !matrix || !element) return null;
    const at = before ?? onImage([element.clientWidth / 2, element.clientHeight / 2], matrix);
    return { ...start, at: movedBy(at, [0, 0], matrix, sizeOf(slice)) };
  }

  const begin = () => {
    setWorking(startOf(tool, null));
    scene?.activeView?.element.parentElement?.focus({ preventScroll: true });
  };

  const put = useCallback(
    (of: WorkingTool, kind: MeasuringKind, shape: PlacedShape) => {
      if (!scene || !of.slice) return;
      const { sopInstanceUid, frameNumber } = of.slice;
      const draw = (label: string) => scene.measuring.put({ kind, sopInstanceUid, frameNumber, label }, shape);
      if (kind === "text") askForText((label) => label && draw(label));
      else if (kind === "vertebra") placeLevel(draw);
      else draw(kind === "arrow" ? text().viewing.kinds.arrow : "");
    },
    [scene],
  );

  const changePicture = useCallback(
    (of: ToolName, [across, down]: Way) => {
      if (of === "zoom") scene?.zoomBy(zoomStep ** (across - down));
      else if (of === "pan") scene?.panBy([across * panStepPx, down * panStepPx]);
      else if (scene?.range) scene.setWindow({ name: "", range: windowedBy(scene.range, [across, down]) });
    },
    [scene],
  );

  const latest = useRef<(event: KeyboardEvent) => boolean>(() => false);
  useEffect(() => {
    latest.current = (event) => {
      if (!working) return false;
      const { at, places } = working;
      if (event.key === "Escape") {
        setWorking(places.length > 0 ? { ...working, places: [] } : null);
        return true;
      }
      const way = wayOf(event);
      if (!at) {
        if (way) changePicture(working.tool, way);
        else if (event.key === "Enter") setWorking(null);
        return way !== null || event.key === "Enter";
      }
      const matrix = views.get(viewId).info?.imageMatrix;
      const kind = kindOfTool(working.tool);
      if (!matrix || !slice || !kind) return false;
      if (way) {
        setWorking({ ...working, at: movedBy(at, way, matrix, sizeOf(slice)) });
        return true;
      }
      if (event.key === "Backspace" && places.length > 0) {
        setWorking({ ...working, places: places.slice(0, -1) });
        return true;
      }
      if (event.key !== "Enter") return false;
      const all = [...places, at];
      const { column, row } = proportionsAt(calibrationOf(slice.dataset), all[0] ?? at);
      const stretch = row / column;
      const shape = shapeOfPlaces(kind, all, stretch);
      setWorking({ ...working, places: shape ? [] : all, stretch });
      const [from, , to] = shape?.points ?? [];
      if (working.tool === "region" && from && to) scene?.windowRegion(onScreen(from, matrix), onScreen(to, matrix));
      else if (shape) put(working, kind, shape);
      return true;
    };
  });

  const isOn = working !== null;
  useEffect(() => {
    if (!isOn) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
      const { target } = event;
      if (target instanceof HTMLElement && target !== document.body && !target.closest("[data-testid=viewport]")) return;
      if (!latest.current(event)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", onKey, { capture: true });
    return () => window.removeEventListener("keydown", onKey, { capture: true });
  }, [isOn]);

  return { working, begin };
}

