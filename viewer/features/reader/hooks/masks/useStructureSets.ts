"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LoadedSeries } from "@/cornerstone";
import { retrieveSeriesMetadata, stringOf } from "@/dicom/dicomweb";
import { contourSlabs, type ContourSlabs, type SlabObstacle } from "@/dicom/dose/contourSlabs";
import { sectionPath } from "@/dicom/dose/contourSections";
import type { ImagePlane } from "@/dicom/imagePlane";
import { contoursOnSlices, structureSetOf, type DrawnContour, type PlacedContours, type Roi, type StructureSet } from "@/dicom/segmentation/structureSet";
import { heldBack, instancesOfOthers, uncheckedInstances } from "@/features/reader/lib/studies/otherPatients";
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
  /** Draws none of them for a while; which are hidden stays as it was. */
  setVeiled: (veiled: boolean) => void;
  /** What is to be drawn on a slice of a series. */
  on: (series: LoadedSeries, index: number) => readonly DrawnContour[];
  /** What is to be drawn on a plane through the volume of a series, as the screen shows it. */
  onPlane: (series: LoadedSeries, screen: ImagePlane) => readonly StructureSection[];
  /** Why a structure has no section in planes: its contours make no volume. Null where it has. */
  sectionObstacle: (roi: Roi) => SlabObstacle | null;
  /** Whether a slice of the series has more contours of the ROI than are drawn. */
  isCut: (roi: Roi, series: LoadedSeries) => boolean;
  /** The slices of a series that a ROI lies on, from the first to the last. */
  slicesOf: (roi: Roi, series: LoadedSeries) => readonly number[];
}

/** A structure where a plane cuts it: the path of an SVG in pixels of the screen. */
export interface StructureSection {
  roi: Roi;
  path: string;
}

const nothing: readonly DrawnContour[] = [];
const noSections: readonly StructureSection[] = [];
const slabs = new WeakMap<Roi, ContourSlabs | SlabObstacle>();

function slabsOf(roi: Roi): ContourSlabs | SlabObstacle {
  const known = slabs.get(roi) ?? contourSlabs(roi, [1, 0, 0], [0, 1, 0]);
  slabs.set(roi, known);
  return known;
}

const frameOfReference = "00200052";

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

function sectionObstacle(roi: Roi): SlabObstacle | null {
  const found = slabsOf(roi);
  return typeof found === "string" ? found : null;
}

/** The structure sets of a study, received or made here, and which of their ROIs are shown. */
export function useStructureSets(study: StudyDetail | null): StructureSets {
  const [{ sets, failures }, setRead] = useState<Read>({ sets: [], failures: [] });
  const [veiled, setVeiled] = useState(false);
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
      const found = sets.length === 0 || veiled ? undefined : placed(of).onSlices.get(index);
      return found ? found.filter(({ roi }) => !hidden.has(roi)) : nothing;
    },
    [sets, placed, hidden, veiled],
  );
  const onPlane = useCallback(
    (of: LoadedSeries, screen: ImagePlane) => {
      const space = stringOf(of.order.slices[0]?.dataset ?? {}, frameOfReference);
      const drawn = sets
        .flatMap(({ rois }) => rois)
        .filter((roi) => !hidden.has(roi) && !(roi.frameOfReferenceUid && space && roi.frameOfReferenceUid !== space));
      if (drawn.length === 0 || veiled) return noSections;
      return drawn.flatMap((roi) => {
        const found = slabsOf(roi);
        const path = typeof found === "string" ? "" : sectionPath(found, screen);
        return path === "" ? [] : [{ roi, path }];
      });
    },
    [sets, hidden, veiled],
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
    () => ({ sets, failures, isOfOther, isUnchecked, isVisible: (roi) => !hidden.has(roi), setVisible, toggleAll, setVeiled, on, onPlane, sectionObstacle, isCut, slicesOf }),
    [sets, failures, isOfOther, isUnchecked, hidden, setVisible, toggleAll, on, onPlane, isCut, slicesOf],
  );
}
