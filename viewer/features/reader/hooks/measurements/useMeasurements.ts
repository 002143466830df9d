"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { withoutCopies } from "@/features/reader/lib/measurements/ofOthers";
import { listMeasurements, saveMeasurements, seriesOfInstance } from "@/features/reader/lib/api";
import type { Measurement } from "@/dicom/measurements/measurement";
import { History } from "@/features/reader/lib/history";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import { usePageLeave } from "@/shared/hooks/usePageLeave";

export interface Measurements {
  list: readonly Measurement[];
  /** What other systems and pipelines measured: shown, neither changed nor saved. */
  others: readonly Measurement[];
  othersShown: boolean;
  showOthers: (on: boolean) => void;
  /** Makes a copy that is the reader's own. */
  takeOver: (one: Measurement) => void;
  /** True while something was drawn, named or removed that the node does not keep yet. */
  changed: boolean;
  /** Measurements of the study's reports that lie at places of the patient, and are not drawn. */
  undrawn: number;
  saving: boolean;
  /** Whether it is known what the node keeps. */
  loaded: boolean;
  problem: Problem | null;
  /** Asks again for what the node keeps; null where that is known. */
  reload: (() => void) | null;
  save: () => void;
  rename: (trackingUid: string, label: string) => void;
  remove: (trackingUid: string) => void;
  removeChosen: () => void;
  /** Takes back what was drawn, moved, named or removed, step by step. */
  undo: () => void;
  redo: () => void;
  goTo: (one: Measurement) => void;
  /** Whether a line can say how large the pixels of its image are. */
  mayCalibrate: (one: Measurement) => boolean;
  /** False where the pixels of its image would have no plausible size. */
  calibrate: (one: Measurement, lengthMm: number) => boolean;
  /** The images that are calibrated by hand, each with one of its measurements. */
  calibrated: readonly Measurement[];
  endCalibration: (one: Measurement) => void;
}

/** What is added or removed is a step of its own, however soon it comes. */
function isSameList(before: readonly Measurement[], after: readonly Measurement[]): boolean {
  return before.length === after.length && before.every((one, at) => one.trackingUid === after[at]?.trackingUid);
}

/** What is drawn on a study: kept by the node as one SR, each version of which follows the last. */
export function useMeasurements(
  scene: Scene | null,
  studyInstanceUid: string,
  openSeries: (ref: SeriesRef) => void,
  opened: readonly LoadedSeries[],
): Measurements {
  const [list, setList] = useState<readonly Measurement[]>([]);
  const [others, setOthers] = useState<readonly Measurement[]>([]);
  const [othersShown, setOthersShown] = useState(true);
  const [changed, setChanged] = useState(false);
  const [undrawn, setUndrawn] = useState(0);
  const [saving, setSaving] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [loaded, setLoaded] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const predecessor = useRef("");
  const wanted = useRef<Measurement | null>(null);
  const history = useRef(new History(isSameList));
  const restoring = useRef(false);
  usePageLeave(changed);

  useEffect(() => {
    if (!scene) return;
    return scene.measuring.follow((drawn, byReader, ofOthers) => {
      setList(drawn);
      setOthers(ofOthers);
      if (byReader) setChanged(true);
      if (restoring.current) return;
      if (byReader) history.current.record(drawn, performance.now());
      else history.current.settle(drawn);
    });
  }, [scene]);

  useEffect(() => {
    if (!scene) return;
    const controller = new AbortController();
    listMeasurements(studyInstanceUid, controller.signal).then(
      (reports) => {
        predecessor.current = reports.findLast(({ isOwn }) => isOwn)?.sopInstanceUid ?? "";
        setUndrawn(reports.reduce((sum, report) => sum + report.undrawn, 0));
        scene.measuring.add(withoutCopies(reports.flatMap(({ measurements }) => measurements)));
        setLoaded(true);
        setProblem(null);
      },
      (error: unknown) => !controller.signal.aborted && setProblem(asProblem(error)),
    );
    return () => controller.abort();
  }, [scene, studyInstanceUid, attempt]);

  const goTo = useCallback(
    (one: Measurement) => {
      if (scene?.measuring.isPlaced(one.trackingUid)) {
        scene.measuring.select(one.trackingUid);
        void scene.navigation.goTo(one.sopInstanceUid, one.frameNumber, null);
        return;
      }
      // Its series is not open: it is opened, and gone to once it is.
      wanted.current = one;
      void seriesOfInstance(studyInstanceUid, one.sopInstanceUid).then(
        (seriesInstanceUid) => seriesInstanceUid && openSeries({ studyInstanceUid, seriesInstanceUid }),
        (error: unknown) => setProblem(asProblem(error)),
      );
    },
    [scene, studyInstanceUid, openSeries],
  );

  useEffect(() => {
    if (!scene) return;
    for (const series of opened) scene.measuring.open(series);
    const one = wanted.current;
    if (!one || !scene.measuring.isPlaced(one.trackingUid)) return;
    wanted.current = null;
    scene.measuring.select(one.trackingUid);
    void scene.navigation.goTo(one.sopInstanceUid, one.frameNumber, null);
  }, [scene, opened]);

  const restore = useCallback(
    (drawn: readonly Measurement[] | null) => {
      if (!scene || !drawn) return;
      restoring.current = true;
      scene.measuring.restore(drawn);
      restoring.current = false;
    },
    [scene],
  );

  const save = useCallback(() => {
    if (!scene || saving) return;
    setSaving(true);
    setProblem(null);
    saveMeasurements(studyInstanceUid, scene.measuring.list(), predecessor.current)
      .then(
        (report) => {
          predecessor.current = report.sopInstanceUid;
          scene.measuring.saved(report.measurements);
          setChanged(false);
        },
        (error: unknown) => setProblem(asProblem(error)),
      )
      .finally(() => setSaving(false));
  }, [scene, saving, studyInstanceUid]);

  return {
    list,
    others,
    othersShown,
    showOthers: (on) => {
      setOthersShown(on);
      scene?.measuring.showOthers(on);
    },
    takeOver: (one) => {
      const copy = scene?.measuring.takeOver(one.trackingUid);
      if (copy) goTo(copy);
    },
    changed,
    undrawn,
    saving,
    loaded,
    problem,
    reload: loaded ? null : () => setAttempt(attempt + 1),
    save,
    rename: (uid, label) => scene?.measuring.setLabel(uid, label),
    remove: (uid) => scene?.measuring.remove(uid),
    removeChosen: () => {
      const chosen = scene?.measuring.chosen;
      if (chosen) scene?.measuring.remove(chosen);
    },
    undo: () => restore(history.current.undo()),
    redo: () => restore(history.current.redo()),
    goTo,
    mayCalibrate: ({ trackingUid }) => scene?.measuring.mayCalibrate(trackingUid) ?? false,
    calibrate: ({ trackingUid }, lengthMm) => scene?.measuring.calibrate(trackingUid, lengthMm) ?? false,
    calibrated: [...new Map(list.flatMap((one) => (one.handCalibration ? [[one.sopInstanceUid, one] as const] : []))).values()],
    endCalibration: ({ sopInstanceUid }) => scene?.measuring.endCalibration(sopInstanceUid),
  };
}
