"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import type { LoadedSeries } from "@/cornerstone";
import { stringOf, type DicomJson } from "@/dicom/dicomweb";
import { doseAt, doseOnImage, type DoseGrid, type DosePlane } from "@/dicom/dose/doseGrid";
import { isodoseLevels, isodosePath, washPixels } from "@/dicom/dose/isodose";
import { lpsOfPixel, type Vector } from "@/dicom/geometry";
import { imagePlaneOf, type ImagePlane } from "@/dicom/imagePlane";
import type { SumObstacle } from "@/dicom/dose/doseSum";
import { dosesOf, readGrid, summed, type Dose } from "@/features/reader/lib/dose/doses";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";
import { fixed } from "@/shared/lib/format";
import type { StudyDetail } from "@/shared/api/types";

export interface DoseLook {
  wash: boolean;
  lines: boolean;
  /** Of the wash, 0 to 1. */
  opacity: number;
  /** What 100 % is. */
  reference: number;
}

/** What is drawn of the dose over one image. */
export interface DosePicture {
  columns: number;
  rows: number;
  stride: number;
  wash: Uint8ClampedArray<ArrayBuffer>;
  lines: { percent: number; color: string; path: string }[];
}

export interface DoseState {
  doses: readonly Dose[];
  /** The one that is shown, or those that are added up; empty for none. */
  parts: readonly Dose[];
  choose: (sopInstanceUids: readonly string[]) => void;
  /** Null until the values of what is chosen are read, and where they do not add up. */
  grid: DoseGrid | null;
  /** Why the chosen doses are not added up. */
  sumObstacle: SumObstacle | null;
  look: DoseLook | null;
  setLook: (look: DoseLook) => void;
  problem: Problem | null;
  on: (series: LoadedSeries, index: number) => DosePicture | null;
  /** Over a plane through the volume of a series, as the screen shows it. */
  onPlane: (series: LoadedSeries, screen: ImagePlane) => DosePicture | null;
  /** "45.12 Gy" at a pixel of an image of a series; empty where the dose does not reach. */
  textAt: (series: LoadedSeries, index: number, column: number, row: number) => string;
  /** The same at a place of the patient, LPS in mm. */
  textAtPoint: (series: LoadedSeries, point: Vector) => string;
  /** Whether the chosen dose lies in the patient as the series does. */
  fits: (series: LoadedSeries) => boolean;
}

const frameOfReference = "00200052";
const noUids: readonly string[] = [];

function sharesFrame(grid: DoseGrid, dataset: DicomJson | undefined): boolean {
  const uid = dataset ? stringOf(dataset, frameOfReference) : "";
  return uid !== "" && uid === grid.frameOfReferenceUid;
}

function pictureOfPlane(plane: DosePlane, reference: number): DosePicture {
  const { columns, rows, stride } = plane;
  const lines = isodoseLevels.map(({ percent, color }) => ({
    percent,
    color: `rgb(${color.join(" ")})`,
    path: isodosePath(plane, (percent / 100) * reference),
  }));
  return { columns, rows, stride, wash: washPixels(plane, reference), lines };
}

/** Of each image what was worked out, for as long as the dose and its reference are the same. */
function pictures(grid: DoseGrid): (dataset: DicomJson, reference: number) => DosePicture | null {
  const planes = new WeakMap<DicomJson, DosePlane | null>();
  const drawn = new WeakMap<DicomJson, { reference: number; picture: DosePicture }>();
  return (dataset, reference) => {
    let plane = planes.get(dataset);
    if (plane === undefined) {
      const image = imagePlaneOf(dataset);
      plane = image && doseOnImage(grid, image);
      planes.set(dataset, plane);
    }
    if (!plane) return null;
    const before = drawn.get(dataset);
    if (before?.reference === reference) return before.picture;
    const picture = pictureOfPlane(plane, reference);
    drawn.set(dataset, { reference, picture });
    return picture;
  };
}

/** The doses of a study, and the one that lies over its images. */
export function useDose(study: StudyDetail | null): DoseState {
  const [doses, setDoses] = useState<readonly Dose[]>([]);
  const [chosenUids, setChosenUids] = useState<readonly string[]>(noUids);
  const [read, setRead] = useState<{ parts: readonly Dose[]; shown: DoseGrid | SumObstacle | null } | null>(null);
  const [changed, setChanged] = useState<{ uid: string; look: DoseLook } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const studyInstanceUid = study?.study_instance_uid ?? "";
  // Read again when one comes, and not with every other change of the study.
  const series = JSON.stringify(
    (study?.series ?? [])
      .filter(({ modality }) => modality === "RTDOSE" || modality === "RTPLAN")
      .map(({ series_instance_uid, modality, instance_count }) => ({ series_instance_uid, modality, instance_count })),
  );

  useEffect(() => {
    const found = JSON.parse(series) as StudyDetail["series"];
    if (!found.some(({ modality }) => modality === "RTDOSE")) return;
    const controller = new AbortController();
    dosesOf({ study_instance_uid: studyInstanceUid, series: found }, controller.signal).then(
      (all) => !controller.signal.aborted && setDoses(all),
      (error: unknown) => !controller.signal.aborted && setProblem(asProblem(error)),
    );
    return () => controller.abort();
  }, [studyInstanceUid, series]);

  const parts = useMemo(() => doses.filter(({ sopInstanceUid }) => chosenUids.includes(sopInstanceUid)), [doses, chosenUids]);
  useEffect(() => {
    const readable = parts.flatMap((dose) => (typeof dose.header === "string" ? [] : [{ dose, header: dose.header }]));
    if (readable.length === 0 || readable.length < parts.length) return;
    const controller = new AbortController();
    Promise.all(readable.map(({ dose, header }) => readGrid(dose, header, controller.signal))).then(
      (grids) => {
        if (controller.signal.aborted) return;
        setRead({ parts, shown: summed(parts, grids) });
        setProblem(null);
      },
      (error: unknown) => !controller.signal.aborted && setProblem(asProblem(error)),
    );
    return () => controller.abort();
  }, [parts]);

  const shown = read && read.parts === parts ? read.shown : null;
  const grid = shown && typeof shown !== "string" ? shown : null;
  const obstacle = typeof shown === "string" ? shown : null;
  const look = useMemo<DoseLook | null>(() => {
    if (!grid) return null;
    if (changed?.uid === grid.sopInstanceUid) return changed.look;
    // A plan does not say whether its prescription is weighted, and prescriptions of several plans need not be to one target.
    const reference = grid.kind === "physical" && parts.length === 1 ? parts[0]?.prescribedGy : null;
    return { wash: true, lines: true, opacity: 0.35, reference: reference ?? grid.most };
  }, [grid, changed, parts]);

  const pictureOf = useMemo(() => (grid ? pictures(grid) : null), [grid]);
  const on = useCallback(
    (of: LoadedSeries, index: number) => {
      const dataset = of.order.slices[index]?.dataset;
      if (!grid || !look || !pictureOf || !dataset || !sharesFrame(grid, dataset)) return null;
      return pictureOf(dataset, look.reference);
    },
    [grid, look, pictureOf],
  );
  const onPlane = useCallback(
    (of: LoadedSeries, screen: ImagePlane) => {
      if (!grid || !look || !sharesFrame(grid, of.order.slices[0]?.dataset)) return null;
      const plane = doseOnImage(grid, screen);
      return plane && pictureOfPlane(plane, look.reference);
    },
    [grid, look],
  );
  const textAtPoint = useCallback(
    (of: LoadedSeries, point: Vector) => {
      if (!grid || !sharesFrame(grid, of.order.slices[0]?.dataset)) return "";
      const dose = doseAt(grid, point);
      return Number.isNaN(dose) ? "" : `${fixed(dose, 2)} ${grid.unit}`.trim();
    },
    [grid],
  );
  const textAt = useCallback(
    (of: LoadedSeries, index: number, column: number, row: number) => {
      const dataset = of.order.slices[index]?.dataset;
      const point: Vector | null = dataset ? lpsOfPixel(dataset, column, row) : null;
      return grid && point && sharesFrame(grid, dataset) ? textAtPoint(of, point) : "";
    },
    [grid, textAtPoint],
  );
  const fits = useCallback((of: LoadedSeries) => grid !== null && sharesFrame(grid, of.order.slices[0]?.dataset), [grid]);
  const choose = useCallback((uids: readonly string[]) => {
    setProblem(null);
    setChosenUids(uids);
  }, []);
  const setLook = useCallback(
    (next: DoseLook) => grid && setChanged({ uid: grid.sopInstanceUid, look: next }),
    [grid],
  );
  return useMemo(
    () => ({ doses, parts, choose, grid, sumObstacle: obstacle, look, setLook, problem, on, onPlane, textAt, textAtPoint, fits }),
    [doses, parts, choose, grid, obstacle, look, setLook, problem, on, onPlane, textAt, textAtPoint, fits],
  );
}
