"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { Drawing, pointClicks, type LoadedMask, type LoadedSeries, type Scene } from "@/cornerstone";
import { drawGridOf } from "@/dicom/drawing/drawable";
import type { Vector } from "@/dicom/geometry";
import type { WindowRange } from "@/dicom/windowing";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import type { DrawnSegmentation } from "@/shared/api/types";
import { aidOf, copyOf, helped, pixelsInRange, pixelsOn, stepAt, store, type DrawingTool, type Pixels } from "./drawingSteps";
import type { DrawingState } from "./drawingState";
import { copiesOf, newSegment, segmentsOf, type Aid, type DrawnSegment, type OpenDrawing } from "./drawnSegments";
import { useDrawingStatistics } from "./useDrawingStatistics";

let count = 0;

function uidOf({ drawing }: OpenDrawing): string {
  return drawing.series.seriesInstanceUid;
}

/** Drawing segmentations from nothing, one on each series; what is not saved stays until the page is left. */
export function useDrawing(
  scene: Scene | null,
  { series, opened, masks, activeIndex, viewKey, isPaused }: {
    series: LoadedSeries | null;
    opened: readonly LoadedSeries[];
    masks: readonly LoadedMask[];
    /** Of the slice that the active view shows; null where it is none of the series. */
    activeIndex: number | null;
    /** Another one once the views are others. */
    viewKey: unknown;
    /** Another tool has the left button. */
    isPaused: boolean;
  },
  onSaved: () => void,
): DrawingState {
  const [all, setAll] = useState<ReadonlyMap<string, OpenDrawing>>(new Map());
  const [tool, setTool] = useState<DrawingTool>("brush");
  const [radiusMm, setRadius] = useState(6);
  const [range, setRange] = useState<WindowRange>({ lower: 0, upper: 100 });
  const [sliceOnly, setSliceOnly] = useState(false);
  const [busy, setBusy] = useState(false);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const t = () => text().viewing.drawing;

  const open = (series && all.get(series.seriesInstanceUid)) ?? null;
  const { statistics, count: countAgain } = useDrawingStatistics(open);
  const grid = series ? drawGridOf(series.order) : "";
  const active = open?.segments.find(({ number }) => number === open.active);
  const canDraw = Boolean(active && !active.locked);
  const drawing = open?.drawing ?? null;
  const activeNumber = open?.active ?? 0;

  const put = useCallback((uid: string, next: OpenDrawing | null) => {
    setAll((now) => {
      const after = new Map(now);
      if (next) after.set(uid, next);
      else after.delete(uid);
      return after;
    });
  }, []);
  /** What else was changed meanwhile stays. */
  const revise = useCallback((uid: string, change: (now: OpenDrawing) => OpenDrawing) => {
    setAll((now) => {
      const before = now.get(uid);
      return before ? new Map(now).set(uid, change(before)) : now;
    });
  }, []);
  const amend = (changes: Partial<OpenDrawing>) => open && revise(uidOf(open), (now) => ({ ...now, ...changes }));
  const amendSegment = (number: number, changes: Partial<DrawnSegment>) =>
    open &&
    revise(uidOf(open), (now) => ({
      ...now,
      segments: now.segments.map((one) => (one.number === number ? { ...one, ...changes } : one)),
    }));

  // The left button draws, in the views that there are now.
  useEffect(() => {
    if (!scene || !drawing || !canDraw || isPaused || busy) return;
    drawing.activate(scene.views.ids, activeNumber);
    scene.mouse.edit(tool === "grow" ? "points" : tool);
    scene.mouse.setBrushRadius(radiusMm);
    scene.mouse.setBrushRange(range);
    return () => scene.mouse.edit(null);
  }, [scene, drawing, canDraw, isPaused, busy, activeNumber, tool, radiusMm, range, viewKey]);
  // Steps belong to one drawing.
  useEffect(() => drawing?.forgetSteps(), [drawing]);
  const latest = useRef(all);
  useEffect(() => {
    latest.current = all;
  }, [all]);
  useEffect(
    () => () => {
      for (const one of latest.current.values()) one.drawing.end();
    },
    [scene],
  );

  const run = (work: (one: OpenDrawing, number: number) => Promise<string>) => {
    if (!open || busy) return;
    if (!canDraw) return setNotice(t().addFirst);
    setBusy(true);
    setNotice("");
    setProblem(null);
    work(open, open.active)
      .then(setNotice, (error: unknown) => setProblem(asProblem(error)))
      .finally(() => {
        setBusy(false);
        scene?.render();
      });
  };
  const painted = (one: OpenDrawing, number: number, pixels: Pixels, aid: Aid | null) => {
    const changed = one.drawing.paint(pixels, number);
    if (changed > 0) revise(uidOf(one), (now) => helped(now, one.active, aid));
    return changed > 0 ? t().changed(changed) : t().nothingThere;
  };

  const applyAt = (lpsMm: Vector | null) =>
    run(async (one, number) => {
      const step = await stepAt(one, lpsMm, { tool, radiusMm, range, sliceOnly });
      return step ? painted(one, step.erases ? 0 : number, step.pixels, step.aid) : t().nothingThere;
    });
  const usedTool = useRef(tool);
  const clicked = useRef(applyAt);
  useEffect(() => {
    clicked.current = applyAt;
    usedTool.current = tool;
  });
  useEffect(() => {
    if (!scene || !drawing || !canDraw || isPaused || tool !== "grow") return;
    return pointClicks((viewId, point) => clicked.current(scene.places.lpsAt(viewId, point)));
  }, [scene, drawing, canDraw, isPaused, tool]);

  const started = (on: LoadedSeries, saved?: DrawnSegmentation, copied?: LoadedMask): OpenDrawing | null => {
    const shape = drawGridOf(on.order);
    if (!scene || typeof shape === "string") return null;
    const made = new Drawing(on, `${(count += 1)}`, (byMouse) => {
      countAgain();
      const used = usedTool.current;
      if (byMouse && used !== "grow") revise(on.seriesInstanceUid, (now) => helped(now, now.active, aidOf[used]));
    });
    const base = copied ?? masks.find(({ sopInstanceUid }) => saved && sopInstanceUid === saved.sop_instance_uid) ?? null;
    const segments = copied ? copiesOf(copied) : saved && base ? segmentsOf(saved) : [];
    for (const { number, label, color } of segments) made.addSegment(number, label, color);
    if (base) made.takeFrom(base);
    scene.masks.add(on, made.mask);
    for (const { segmentNumber } of base?.segments ?? []) if (base) scene.masks.setVisible(base, segmentNumber, false);
    return {
      drawing: made,
      grid: shape,
      segments,
      active: segments[0]?.number ?? 0,
      title: saved?.title ?? (copied ? t().copyTitle : t().newTitle),
      predecessor: base ? (saved?.sop_instance_uid ?? "") : "",
      base,
    };
  };
  const withAdded = (one: OpenDrawing, segment: DrawnSegment): OpenDrawing => {
    one.drawing.addSegment(segment.number, segment.label, segment.color);
    scene?.masks.setColor(one.drawing.mask, segment.number, segment.color);
    return { ...one, segments: [...one.segments, segment], active: segment.number };
  };
  const finish = (one: OpenDrawing, showBase: boolean) => {
    one.drawing.end();
    scene?.masks.remove(one.drawing.mask);
    for (const { segmentNumber } of one.base?.segments ?? []) {
      if (one.base && showBase) scene?.masks.setVisible(one.base, segmentNumber, true);
    }
    put(uidOf(one), null);
  };

  const copied = async (one: OpenDrawing, number: number, target: LoadedSeries) => {
    const segment = one.segments.find((each) => each.number === number);
    const pixels = await pixelsOn(target, one, number);
    const onto = pixels.size > 0 ? (latest.current.get(target.seriesInstanceUid) ?? started(target)) : null;
    const copy = onto && segment ? copyOf(segment, onto.segments) : null;
    if (!onto || !copy) return t().nothingCopied;
    const next = withAdded(onto, copy);
    put(target.seriesInstanceUid, next);
    return t().copied(onto.drawing.paint(pixels, copy.number));
  };

  const beginWith = (saved?: DrawnSegmentation, copied?: LoadedMask) => {
    if (!series || !scene) return;
    setNotice("");
    setProblem(null);
    const { openingRange } = scene;
    if (openingRange) setRange({ lower: Math.round(openingRange.lower), upper: Math.round(openingRange.upper) });
    const begun = started(series, saved, copied);
    if (begun) put(series.seriesInstanceUid, begun);
  };

  return {
    open,
    refusal: typeof grid === "string" ? grid : "",
    statistics,
    tool,
    radiusMm,
    range,
    sliceOnly,
    busy,
    notice,
    problem,
    targets: opened.filter((one) => {
      const other = open && one !== open.drawing.series ? drawGridOf(one.order) : "";
      return typeof other !== "string" && other.frameOfReferenceUid !== "" && other.frameOfReferenceUid === open?.grid.frameOfReferenceUid;
    }),
    begin: (saved) => beginWith(saved),
    beginFrom: (mask) => {
      beginWith(undefined, mask);
      setNotice(t().overlapping);
    },
    close: () => open && finish(open, true),
    setTitle: (title) => amend({ title }),
    setTool,
    setRadius,
    setRange,
    setSliceOnly,
    add: (structure, label, side) => {
      const segment = open && newSegment(open.segments, structure, label, side);
      if (open && segment) put(uidOf(open), withAdded(open, segment));
    },
    remove: (number) => {
      if (!open) return;
      scene?.masks.setVisible(open.drawing.mask, number, true);
      open.drawing.removeSegment(number);
      revise(uidOf(open), (now) => {
        const segments = now.segments.filter((one) => one.number !== number);
        return { ...now, segments, active: now.active === number ? (segments[0]?.number ?? 0) : now.active };
      });
    },
    choose: (number) => amend({ active: number }),
    change: (number, changes) => {
      if (!open) return;
      const { mask } = open.drawing;
      if (changes.color) scene?.masks.setColor(mask, number, changes.color);
      if (changes.hidden !== undefined) scene?.masks.setVisible(mask, number, !changes.hidden);
      if (changes.locked !== undefined) open.drawing.setLocked(number, changes.locked);
      amendSegment(number, changes);
    },
    fillRange: (which) =>
      run(async (one, number) => {
        const indexes = which === "all" ? [...Array(one.grid.slices).keys()] : activeIndex === null ? [] : [activeIndex];
        return painted(one, number, await pixelsInRange(one, indexes, range), "THRESHOLD");
      }),
    useInMiddle: () => applyAt(scene?.places.lpsInMiddle() ?? null),
    interpolate: () =>
      run(async (one, number) => {
        const filled = one.drawing.interpolate(number);
        if (filled === 0) return text().viewing.drawTwo;
        revise(uidOf(one), (now) => helped(now, number, "INTERPOLATION"));
        return text().viewing.slicesFilled(filled);
      }),
    copyTo: (uid) => {
      const target = opened.find(({ seriesInstanceUid }) => seriesInstanceUid === uid);
      if (target) run((one, number) => copied(one, number, target));
    },
    takeMask: (pixels) => run(async (one, number) => painted(one, number, pixels, "MODEL")),
    undo: () => drawing?.undo(),
    redo: () => drawing?.redo(),
    save: (withContours) => {
      if (!open || !series || busy) return;
      const empty = open.segments.find(({ number }) => !statistics.get(number)?.voxels);
      if (empty || open.segments.length === 0) return setNotice(empty ? t().nothingDrawn(empty.label) : t().addFirst);
      setBusy(true);
      setProblem(null);
      store(open, withContours)
        .then(
          ({ version }) => {
            // A copy takes nothing's place.
            finish(open, open.predecessor === "");
            setNotice(t().saved(version));
            onSaved();
          },
          (error: unknown) => setProblem(asProblem(error)),
        )
        .finally(() => setBusy(false));
    },
  };
}
