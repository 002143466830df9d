"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { ClickedMask, pointClicks, type LoadedSeries, type Scene, type ViewId } from "@/cornerstone";
import { paletteColor } from "@/dicom/color";
import { readMaskBits } from "@/dicom/segmentation/maskBits";
import type { Vector } from "@/dicom/geometry";
import { asProblem } from "@/shared/api/http";
import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import type { InteractiveModels, InteractiveSession } from "@/shared/api/types";
import {
  acceptMask,
  endInteractiveSession,
  listInteractiveModels,
  openInteractiveSession,
  sendClicks,
  type ClickedPoint,
  type InitialMask,
} from "@/features/reader/lib/masks/interactive";

export interface ClickingState {
  /** Null until the node has answered. */
  models: InteractiveModels | null;
  phase: "off" | "opening" | "on";
  /** The model is at work, or the mask is being saved. */
  busy: boolean;
  points: readonly ClickedPoint[];
  canRedo: boolean;
  /** What a click says without Shift: the structure is there, or it is not. */
  inside: boolean;
  /** Whether the model of the session can begin with a mask that is there. */
  takesInitial: boolean;
  /** The segment with which it began. */
  initial: InitialMask | null;
  /** Of the mask on the screen; null while there is none. */
  voxels: number | null;
  notice: string;
  problem: Problem | null;
  begin: (model: string, structure: string) => void;
  setInside: (inside: boolean) => void;
  /** Lets the model begin with a segment, or, with null, with nothing; the points stay. */
  beginWith: (initial: InitialMask | null) => void;
  /** A point in the middle of the active view, for who has no pointer. */
  pointInMiddle: () => void;
  undo: () => void;
  redo: () => void;
  /** Saves the mask as a segment under this name; empty: as the model calls it. */
  accept: (label: string) => void;
  cancel: () => void;
}

interface Wanted {
  points: readonly ClickedPoint[];
  initial: InitialMask | null;
}

interface Open {
  session: InteractiveSession;
  drawn: ClickedMask;
  stopClicks: () => void;
}

/** Segmenting a structure by clicks into it and beside it, with a model of the node. */
export function useClicking(scene: Scene | null, series: LoadedSeries | null, onSaved: () => void): ClickingState {
  const [models, setModels] = useState<InteractiveModels | null>(null);
  const [phase, setPhase] = useState<ClickingState["phase"]>("off");
  const [busy, setBusy] = useState(false);
  const [points, setPoints] = useState<readonly ClickedPoint[]>([]);
  const [undone, setUndone] = useState<readonly ClickedPoint[]>([]);
  const [initial, setInitial] = useState<InitialMask | null>(null);
  const [takesInitial, setTakesInitial] = useState(false);
  const [inside, setInside] = useState(true);
  const [voxels, setVoxels] = useState<number | null>(null);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const open = useRef<Open | null>(null);
  const abort = useRef(new AbortController());
  /** What is on its way to the node, and what is to follow it: only the last change counts. */
  const sending = useRef<{ now: boolean; next: Wanted | null }>({ now: false, next: null });
  /** What is accepted is what is saved: no change comes between. */
  const saving = useRef(false);
  const latest = useRef({ points, undone, inside, initial });
  useEffect(() => {
    latest.current = { points, undone, inside, initial };
  }, [points, undone, inside, initial]);

  useEffect(() => {
    const controller = new AbortController();
    listInteractiveModels(controller.signal).then(setModels, () => undefined);
    return () => controller.abort();
  }, []);

  const forget = useCallback(() => {
    abort.current.abort();
    const was = open.current;
    open.current = null;
    sending.current = { now: false, next: null };
    if (!was) return;
    was.stopClicks();
    scene?.mouse.edit(null);
    scene?.masks.remove(was.drawn.mask);
    endInteractiveSession(was.session.session_id);
  }, [scene]);

  const cancel = useCallback(() => {
    forget();
    setPhase("off");
    setBusy(false);
    setPoints([]);
    setUndone([]);
    setInitial(null);
    setVoxels(null);
  }, [forget]);

  // Another series, or another page: what was not accepted is not kept.
  useEffect(() => {
    return () => {
      forget();
      setPhase("off");
      setPoints([]);
      setUndone([]);
      setInitial(null);
      setVoxels(null);
      setNotice("");
    };
  }, [forget, series]);

  const fail = (error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") return;
    setProblem(asProblem(error));
  };

  const draw = async ({ session, drawn }: Open) => {
    const bits = session.mask && (await readMaskBits(session.mask));
    drawn.show(
      bits,
      (session.grid?.sources ?? []).map((one) => ({ sopInstanceUid: one.sop_instance_uid, frameNumber: one.frame_number })),
    );
    scene?.render();
  };

  const send = async (wanted: Wanted) => {
    sending.current.next = wanted;
    if (sending.current.now) return;
    const mine = open.current;
    const { signal } = abort.current;
    if (!mine) return;
    sending.current.now = true;
    setBusy(true);
    setProblem(null);
    setNotice("");
    try {
      while (sending.current.next) {
        const next = sending.current.next;
        sending.current.next = null;
        const session = await sendClicks(mine.session.session_id, next.points, next.initial, signal);
        if (open.current !== mine) return;
        if (session.state === "ended") throw over(session);
        mine.session = session;
        if (session.problem) setProblem(problemOf(session.problem));
        await draw(mine);
        setVoxels(session.voxels);
      }
    } catch (error) {
      if (open.current !== mine) return;
      fail(error);
      if (error instanceof Problem && error.code === "session_over") cancel();
    } finally {
      if (open.current === mine) {
        sending.current.now = false;
        setBusy(false);
      }
    }
  };

  const change = (
    next: readonly ClickedPoint[],
    taken: readonly ClickedPoint[],
    begun: InitialMask | null = latest.current.initial,
  ) => {
    if (saving.current) return;
    latest.current = { ...latest.current, points: next, undone: taken, initial: begun };
    setPoints(next);
    setUndone(taken);
    setInitial(begun);
    void send({ points: next, initial: begun });
  };
  const add = (lpsMm: Vector | null, isInside: boolean) => {
    if (lpsMm) change([...latest.current.points, { lpsMm, inside: isInside }], []);
  };

  return {
    models,
    phase,
    busy,
    points,
    canRedo: undone.length > 0,
    inside,
    takesInitial,
    initial,
    voxels,
    notice,
    problem,
    setInside,
    beginWith: (wanted) => change(latest.current.points, latest.current.undone, wanted),
    begin: (model, structure) => {
      if (!scene || !series) return;
      cancel();
      setNotice("");
      setProblem(null);
      setInside(true);
      setTakesInitial(models?.items.some((one) => one.name === model && one.takes_initial_mask) ?? false);
      setPhase("opening");
      abort.current = new AbortController();
      const { signal } = abort.current;
      const { studyInstanceUid, seriesInstanceUid } = series;
      openInteractiveSession({ studyInstanceUid, seriesInstanceUid, model, structure }, signal).then(
        (session) => {
          if (signal.aborted) return endInteractiveSession(session.session_id);
          if (session.state === "ended") {
            setPhase("off");
            setProblem(over(session));
            return;
          }
          const label = structure || text().viewing.clicking.anything;
          const drawn = new ClickedMask(series, session.session_id, label, paletteColor(1));
          scene.masks.add(series, drawn.mask);
          scene.mouse.edit("points");
          const stopClicks = pointClicks((viewId: ViewId, point, withShift) =>
            add(scene.places.lpsAt(viewId, point), latest.current.inside !== withShift),
          );
          open.current = { session, drawn, stopClicks };
          setPhase("on");
        },
        (error: unknown) => {
          if (signal.aborted) return;
          setPhase("off");
          fail(error);
        },
      );
    },
    pointInMiddle: () => add(scene?.places.lpsInMiddle() ?? null, latest.current.inside),
    undo: () => {
      const last = points.at(-1);
      if (last) change(points.slice(0, -1), [...undone, last]);
    },
    redo: () => {
      const last = undone.at(-1);
      if (last) change([...points, last], undone.slice(0, -1));
    },
    accept: (label) => {
      const mine = open.current;
      if (!mine || busy || !voxels) return;
      saving.current = true;
      setBusy(true);
      setProblem(null);
      acceptMask(mine.session.session_id, mine.session.number, label)
        .then(
          () => {
            saving.current = false;
            if (open.current !== mine) return;
            change([], [], null);
            setNotice(text().viewing.clicking.saved);
            onSaved();
          },
          (error: unknown) => fail(error),
        )
        .finally(() => {
          saving.current = false;
          setBusy(false);
        });
    },
    cancel,
  };
}

function over({ reason }: InteractiveSession): Problem {
  const { clicking } = text().viewing;
  return new Problem(409, clicking.over, reason, clicking.openAnother, "session_over");
}

function problemOf({ code, detail, remedy }: NonNullable<InteractiveSession["problem"]>): Problem {
  return new Problem(422, detail, "", remedy, code);
}
