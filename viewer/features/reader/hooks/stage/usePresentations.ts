"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { GoTo } from "@/features/reader/hooks/stage/useGoTo";
import type { Scene } from "@/cornerstone";
import { retrieveSeriesMetadata } from "@/dicom/dicomweb";
import { asProblem } from "@/shared/api/http";
import { text } from "@/shared/i18n";
import { instancesOfOthers } from "@/features/reader/lib/studies/otherPatients";
import { presentationOf, type PresentationState } from "@/dicom/display/presentation";
import { withTables } from "@/dicom/display/tables";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import type { StudyDetail } from "@/shared/api/types";

export interface Presentations {
  states: readonly PresentationState[];
  /** A sentence for each series of states that could not be read. */
  failures: readonly string[];
  /** Whether a state names another patient than the study. */
  isOfOther: (state: PresentationState) => boolean;
  /** The state that a series is shown by; null for none. */
  chosenFor: (seriesInstanceUid: string) => PresentationState | null;
  /** Shows the state's images by it; chosen again, as they are. */
  toggle: (state: PresentationState) => void;
  /** Whether what lies over the images is drawn: annotations, overlay planes, shutters. */
  marksShown: boolean;
  toggleMarks: () => void;
}

/** The presentation states of a study, and which of them is in force. */
export function usePresentations(
  scene: Scene | null,
  study: StudyDetail | null,
  openSeries: (ref: SeriesRef) => void,
  goTo: GoTo,
): Presentations {
  const [states, setStates] = useState<readonly PresentationState[]>([]);
  const [failures, setFailures] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState<ReadonlyMap<string, PresentationState>>(new Map());
  const [marksShown, setMarksShown] = useState(true);
  const studyInstanceUid = study?.study_instance_uid ?? "";
  const series = (study?.series ?? [])
    .filter(({ modality }) => modality === "PR")
    .map((one) => `${one.series_instance_uid} ${one.instance_count}`)
    .join("\n");

  useEffect(() => {
    if (series === "") return;
    const controller = new AbortController();
    const read = async (line: string) => {
      const datasets = await retrieveSeriesMetadata(studyInstanceUid, line.split(" ")[0] ?? "", controller.signal);
      return (await Promise.all(datasets.map(withTables))).map(presentationOf);
    };
    void Promise.allSettled(series.split("\n").map(read)).then((answers) => {
      if (controller.signal.aborted) return;
      setStates(answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : [])));
      setFailures(
        answers.flatMap((answer) =>
          answer.status === "rejected" ? [text().viewing.stateUnread(asProblem(answer.reason).message)] : [],
        ),
      );
    });
    return () => controller.abort();
  }, [studyInstanceUid, series]);

  const toggle = useCallback(
    (state: PresentationState) => {
      const uids = [...state.images.keys()];
      const isOn = uids.some((uid) => chosen.get(uid) === state);
      const next = new Map(chosen);
      for (const uid of uids) {
        if (isOn) next.delete(uid);
        else next.set(uid, state);
        scene?.presenting.choose(uid, isOn ? null : state);
      }
      setChosen(next);
      const [seriesInstanceUid] = uids;
      if (isOn || seriesInstanceUid === undefined) return;
      openSeries({ studyInstanceUid, seriesInstanceUid });
      const [image] = state.images.get(seriesInstanceUid) ?? [];
      if (image) goTo(image[0], image[1][0] ?? 1, seriesInstanceUid);
    },
    [scene, chosen, openSeries, goTo, studyInstanceUid],
  );
  const others = instancesOfOthers(study);
  const isOfOther = useCallback(
    (state: PresentationState) => others.split("\n").includes(state.sopInstanceUid),
    [others],
  );
  const chosenFor = useCallback((uid: string) => chosen.get(uid) ?? null, [chosen]);
  const toggleMarks = useCallback(() => setMarksShown((now) => !now), []);
  return useMemo(
    () => ({ states, failures, isOfOther, chosenFor, toggle, marksShown, toggleMarks }),
    [states, failures, isOfOther, chosenFor, toggle, marksShown, toggleMarks],
  );
}
