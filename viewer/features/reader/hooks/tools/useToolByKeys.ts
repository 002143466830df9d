"use client";

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { matrixOf, pictureKey, placeFrom, planeGround, stackGround, within, type Ground } from "@/features/reader/lib/stage/keyGround";
import { movedBy, onImage, onScreen, wayOf, windowedBy, type Way } from "@/features/reader/lib/stage/keySteps";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { proportionsAt } from "@/dicom/calibration/scale";
import type { Slice } from "@/dicom/geometry";
import { lpsOn } from "@/dicom/imagePlane";
import { kinds, type MeasuringKind } from "@/dicom/measurements/measurement";
import { shapeOfPlaces, type Place, type PlacedShape } from "@/dicom/measurements/placed";
import { askForText, cells, placeLevel, planes, type Plane, type ToolName, type ViewId } from "@/cornerstone";
import { text } from "@/shared/i18n";

/** What the arrows do: change the picture, or move a cursor that sets points. */
type Work = "picture" | "points";

export interface WorkingTool {
  tool: ToolName;
  viewId: ViewId;
  /** What the points lie on. */
  ground: Ground;
  /** Where the cursor is, on the ground; null while the arrows change the picture. */
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

/** The plane that has the focus; the axial one where none has. */
function focusedPlane(): Plane {
  const viewport = document.activeElement?.closest<HTMLElement>("[data-testid=viewport]");
  return planes.find((plane) => plane === viewport?.dataset.view) ?? "axial";
}

/** How many times as high as wide what a place stands for is. */
function stretchAt({ slice }: Ground, place: Place): number {
  // A cut through a volume is counted in mm alike across and down.
  if (!slice) return 1;
  const { column, row } = proportionsAt(calibrationOf(slice.dataset), place);
  return row / column;
}

const zoomStep = 1.03;
const panStepPx = 4;

/** The tool of the left mouse button, worked with the arrows and Enter: on the active stack, or on the plane that has the focus. */
export function useToolByKeys(reader: ReaderState, tool: ToolName, slice: Slice | null): ToolByKeys {
  const { scene, views, layout, arrangement, series } = reader;
  const [plane, setPlane] = useState<Plane>("axial");
  const viewId: ViewId = layout === "planes" ? plane : (cells[arrangement?.active ?? 0] ?? "cell-1");
  const [working, setWorking] = useState<WorkingTool | null>(null);
  const pictureNow = useCallback(() => (layout === "planes" ? pictureKey(views.get(plane).info) : ""), [layout, views, plane]);
  const picture = useSyncExternalStore(views.subscribe, pictureNow, pictureNow);
  const groundOf = (id: ViewId) => (layout === "planes" ? planeGround(views.get(id).info, series?.order.slices ?? []) : stackGround(slice));
  const [before, setBefore] = useState({ picture, slice });

  // Another view ends it, another image its points; another tool goes on where the cursor is.
  if (before.picture !== picture || before.slice !== slice) {
    setBefore({ picture, slice });
    const ground = groundOf(viewId);
    if (working) setWorking(ground && { ...working, ground, at: working.at && placeFrom(working.ground, working.at, ground), places: [] });
  } else if (working && (working.viewId !== viewId || layout === "volume" || !workOf(tool))) setWorking(null);
  else if (working && working.tool !== tool) setWorking(startOf(tool, viewId, working.at));

  function startOf(next: ToolName, id: ViewId, at: Place | null): WorkingTool | null {
    const work = workOf(next);
    const ground = groundOf(id);
    if (!ground) return null;
    const start = { tool: next, viewId: id, ground, places: [], stretch: 1 };
    if (work === "picture") return { ...start, at: null };
    const matrix = matrixOf(views.get(id).info, ground);
    const element = scene?.views.get(id)?.element;
    if (work === null || !(ground.slice ?? ground.plane) || !matrix || !element) return null;
    return { ...start, at: within(at ?? onImage([element.clientWidth / 2, element.clientHeight / 2], matrix), ground) };
  }

  const begin = () => {
    const id = layout === "planes" ? focusedPlane() : viewId;
    if (layout === "planes") setPlane(focusedPlane());
    setWorking(startOf(tool, id, null));
    scene?.views.get(id)?.element.parentElement?.focus({ preventScroll: true });
  };

  const put = useCallback(
    ({ viewId: id, ground: { slice: image, plane: cut } }: WorkingTool, kind: MeasuringKind, shape: PlacedShape) => {
      if (!scene) return;
      const draw = (label: string) => {
        if (image) scene.measuring.put({ kind, sopInstanceUid: image.sopInstanceUid, frameNumber: image.frameNumber, label }, shape);
        else if (cut) scene.putAcross(id, { kind, label, ...shape }, shape.points.map((point) => lpsOn(cut, point)));
      };
      if (kind === "text") askForText((label) => label && draw(label));
      else if (kind === "vertebra") placeLevel(draw);
      else draw(kind === "arrow" ? text().viewing.kinds.arrow : "");
    },
    [scene],
  );

  const changePicture = useCallback(
    ({ tool: of, viewId: id }: WorkingTool, [across, down]: Way) => {
      if (of === "zoom") scene?.zoomBy(id, zoomStep ** (across - down));
      else if (of === "pan") scene?.panBy(id, [across * panStepPx, down * panStepPx]);
      else if (scene?.range) scene.setWindow({ name: "", range: windowedBy(scene.range, [across, down]) });
    },
    [scene],
  );

  const latest = useRef<(event: KeyboardEvent) => boolean>(() => false);
  useEffect(() => {
    latest.current = (event) => {
      if (!working) return false;
      const { at, places, ground } = working;
      if (event.key === "Escape") {
        setWorking(places.length > 0 ? { ...working, places: [] } : null);
        return true;
      }
      const way = wayOf(event);
      if (!at) {
        if (way) changePicture(working, way);
        else if (event.key === "Enter") setWorking(null);
        return way !== null || event.key === "Enter";
      }
      const matrix = matrixOf(views.get(viewId).info, ground);
      const kind = kindOfTool(working.tool);
      if (!matrix || !kind) return false;
      if (way) {
        setWorking({ ...working, at: movedBy(at, way, matrix, ground) });
        return true;
      }
      if (event.key === "Backspace" && places.length > 0) {
        setWorking({ ...working, places: places.slice(0, -1) });
        return true;
      }
      if (event.key !== "Enter") return false;
      const all = [...places, at];
      const stretch = stretchAt(ground, all[0] ?? at);
      const shape = shapeOfPlaces(kind, all, stretch);
      setWorking({ ...working, places: shape ? [] : all, stretch });
      const [from, , to] = shape?.points ?? [];
      if (working.tool === "region" && from && to) scene?.windowRegion(viewId, onScreen(from, matrix), onScreen(to, matrix));
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
      const viewport = target instanceof HTMLElement ? target.closest<HTMLElement>("[data-testid=viewport]") : null;
      if (target instanceof HTMLElement && target !== document.body && !viewport) return;
      // The arrows are those of the plane that they were given to: with the focus on another one they move its slices.
      if (viewport && viewport.dataset.view !== viewId) return setWorking(null);
      if (!latest.current(event)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", onKey, { capture: true });
    return () => window.removeEventListener("keydown", onKey, { capture: true });
  }, [isOn, viewId]);

  return { working, begin };
}

