"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LoadedSeries } from "@/cornerstone";
import { retrieveSeriesMetadata } from "@/dicom/dicomweb";
import { contoursOnSlices, structureSetOf, type DrawnContour, type PlacedContours, type Roi, type StructureSet } from "@/dicom/structureSet";
import { heldBack, instancesOfOthers, uncheckedInstances } from "@/features/reader/lib/otherPatients";
import { asProblem } from "@/shared/api/http";
import { text } from "@/shared/i18n";
import type { StudyDetail } from "@/shared/api/types";

export interface StructureSets {
  sets: readonly StructureSet[];
  /** A sentence for each series of structure sets that could not be read. */
  failures: readonly string[];
  /** Whether a set names another patient than the study; it opens hidden. */
  isOfOther: (set: StructureSet) => boolean;
  /** Whether it is not known yet whom a set names; it opens hidden, too. */
  isUnchecked: (set: StructureSet) => boolean;
  isVisible: (roi: Roi) => boolean;
  setVisible: (roi: Roi, visible: boolean) => void;
  toggleAll: () => void;
  /** What is to be drawn on a slice of a series. */
  on: (series: LoadedSeries, index: number) => readonly DrawnContour[];
  /** Whether a slice of the series has more contours of the ROI than are drawn. */
  isCut: (roi: Roi, series: LoadedSeries) => boolean;
  /** The slices of a series that a ROI lies on, from the first to the last. */
  slicesOf: (roi: Roi, series: LoadedSeries) => readonly number[];
}

const nothing: readonly DrawnContour[] = [];

interface Read {
  sets: readonly StructureSet[];
  failures: readonly string[];
}

/** Where contours lie on the slices of a series, worked out once for each. */
function placerOf(sets: readonly StructureSet[]): (series: LoadedSeries) => PlacedContours {
  const bySeries = new WeakMap<LoadedSeries, PlacedContours>();
  const rois = sets.flatMap((set) => set.rois);
  return (series) => {
    const known = bySeries.get(series) ?? contoursOnSlices(rois, series.order.slices);
    bySeries.set(series, known);
    return known;
  };
}

/** The structure sets of a study, received or made here, and which of their ROIs are shown. */
export function useStructureSets(study: StudyDetail | null): StructureSets {
  const [{ sets, failures }, setRead] = useState<Read>({ sets: [], failures: [] });
  const [hidden, setHidden] = useState<ReadonlySet<Roi>>(new Set());
  const studyInstanceUid = study?.study_instance_uid ?? "";
  // What this node made as contours it made as a mask, too, which lies over the image already.
  const hasOwnMask = study?.series.some(({ modality, origin }) => modality === "SEG" && origin === "generated") ?? false;
  const series = (study?.series ?? [])
    .filter(({ modality }) => modality === "RTSTRUCT")
    .map((one) => `${one.series_instance_uid} ${one.instance_count} ${one.origin === "generated" && hasOwnMask}`)
    .join("\n");
  const others = instancesOfOthers(study);
  const unchecked = uncheckedInstances(study);

  useEffect(() => {
    if (series === "") return;
    const controller = new AbortController();
    const read = async (line: string) => {
      const [uid = "", , opensHidden] = line.split(" ");
      const datasets = await retrieveSeriesMetadata(studyInstanceUid, uid, controller.signal);
      return { sets: datasets.map(structureSetOf), opensHidden: opensHidden === "true" };
    };
    void Promise.allSettled(series.split("\n").map(read)).then((answers) => {
      if (controller.signal.aborted) return;
      const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
      const covered = found.flatMap((one) =>
        one.opensHidden ? one.sets : heldBack(one.sets, `${others}\n${unchecked}`, new Set()).waiting,
      );
      setHidden(new Set(covered.flatMap(({ rois }) => rois)));
      setRead({
        sets: found.flatMap((one) => one.sets),
        failures: answers.flatMap((answer) =>
          answer.status === "rejected" ? [text().viewing.contours.unread(asProblem(answer.reason).message)] : [],
        ),
      });
    });
    return () => controller.abort();
  }, [studyInstanceUid, series, others, unchecked]);

  const placed = useMemo(() => placerOf(sets), [sets]);

  const on = useCallback(
    (of: LoadedSeries, index: number) => {
      const found = sets.length === 0 ? undefined : placed(of).onSlices.get(index);
      return found ? found.filter(({ roi }) => !hidden.has(roi)) : nothing;
    },
    [sets, placed, hidden],
  );
  const slicesOf = useCallback(
    (roi: Roi, of: LoadedSeries) =>
      [...placed(of).onSlices]
        .filter(([, contours]) => contours.some((one) => one.roi === roi))
        .map(([index]) => index)
        .sort((a, b) => a - b),
    [placed],
  );
  const isCut = useCallback((roi: Roi, of: LoadedSeries) => placed(of).cut.has(roi), [placed]);
  const isOfOther = useCallback(
    (set: StructureSet) => others.split("\n").includes(set.sopInstanceUid),
    [others],
  );
  const isUnchecked = useCallback(
    (set: StructureSet) => unchecked.split("\n").includes(set.sopInstanceUid),
    [unchecked],
  );
  const setVisible = useCallback(
    (roi: Roi, visible: boolean) =>
      setHidden((now) => new Set(visible ? [...now].filter((one) => one !== roi) : [...now, roi])),
    [],
  );
  const toggleAll = useCallback(() => {
    const all = sets.flatMap(({ rois }) => rois);
    setHidden((now) => (all.some((roi) => !now.has(roi)) ? new Set(all) : new Set()));
  }, [sets]);
  return useMemo(
    () => ({ sets, failures, isOfOther, isUnchecked, isVisible: (roi) => !hidden.has(roi), setVisible, toggleAll, on, isCut, slicesOf }),
    [sets, failures, isOfOther, isUnchecked, hidden, setVisible, toggleAll, on, isCut, slicesOf],
  );
}
