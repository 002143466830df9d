"use client";

import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { useMasks, type Masks } from "@/hooks/useMasks";
import { useScene } from "@/hooks/useScene";
import { planes, registerSeries, type LoadedSeries, type Plane, type Scene, type ViewId } from "@/lib/cornerstone";
import { retrieveSeriesMetadata } from "@/lib/dicomweb";
import { nearestSlice, type Vector } from "@/lib/geometry";
import { Problem } from "@/lib/http";
import { seriesToOpen } from "@/lib/seg";
import type { Finding, StudyDetail } from "@/lib/types";
import type { ViewStore } from "@/lib/viewStore";

export type Layout = "stack" | "planes";

export interface ReaderState {
  scene: Scene | null;
  views: ViewStore;
  elements: RefObject<Map<ViewId, HTMLDivElement>>;
  series: LoadedSeries | null;
  seriesInstanceUid: string | null;
  layout: Layout;
  loading: { loaded: number; total: number } | null;
  problem: Problem | null;
  masks: Masks;
  openSeries: (seriesInstanceUid: string) => void;
  reloadSeries: () => void;
  setLayout: (layout: Layout) => void;
  showSegment: (sopInstanceUid: string, segmentNumber: number) => void;
}

/** Which series is open, in which layout, with which masks. */
export function useReader(study: StudyDetail | null, findings: readonly Finding[]): ReaderState {
  const { scene, views, loading, failure } = useScene();
  const [chosen, setChosen] = useState<string | null>(null);
  const [series, setSeries] = useState<LoadedSeries | null>(null);
  const [shown, setShown] = useState<LoadedSeries | null>(null);
  const [layout, setLayout] = useState<Layout>("stack");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [reloads, setReloads] = useState(0);
  const elements = useRef(new Map<ViewId, HTMLDivElement>());
  const place = useRef<{ index: number; point: Vector | null } | null>(null);
  const moved = useRef(false);

  const [automatic, setAutomatic] = useState<string | null>(null);
  if (study && automatic === null) {
    // Chosen once: results that come later must not take the reader's series away.
    const first = seriesToOpen(study, findings);
    if (first !== null) setAutomatic(first);
  }
  const seriesInstanceUid = chosen ?? automatic;
  const studyInstanceUid = study?.study_instance_uid ?? "";
  const modality =
    study?.series.find((one) => one.series_instance_uid === seriesInstanceUid)?.modality ?? "";

  useEffect(() => {
    if (!studyInstanceUid || !seriesInstanceUid) return;
    const controller = new AbortController();
    const load = async () => {
      try {
        const datasets = await retrieveSeriesMetadata(studyInstanceUid, seriesInstanceUid, controller.signal);
        const next = await registerSeries(studyInstanceUid, seriesInstanceUid, modality, datasets);
        if (controller.signal.aborted) return;
        place.current = null;
        moved.current = false;
        setProblem(null);
        if (next.order.volumeRefusal) setLayout("stack");
        setSeries(next);
      } catch (error) {
        if (!controller.signal.aborted) setProblem(asProblem(error));
      }
    };
    void load();
    return () => controller.abort();
  }, [studyInstanceUid, seriesInstanceUid, modality, reloads]);

  useEffect(() => {
    if (!scene || !series || series.imageIds.length === 0) return;
    let gone = false;
    const show = async () => {
      views.clear();
      try {
        if (layout === "stack") {
          const element = elements.current.get("stack");
          if (element) await scene.showStack(element, series, place.current?.index);
        } else {
          const found = planes.map((plane) => [plane, elements.current.get(plane)] as const);
          if (found.every(([, element]) => element)) {
            await scene.showPlanes(
              Object.fromEntries(found) as Record<Plane, HTMLDivElement>,
              series,
              place.current?.point ?? null,
            );
          }
        }
        if (!gone) setShown(series);
      } catch (error) {
        if (!gone) setProblem(asProblem(error));
      }
    };
    void show();
    return () => {
      gone = true;
    };
  }, [scene, series, layout, views]);

  const masks = useMasks(scene, shown, study, findings);

  const { settled } = masks;
  useEffect(() => {
    if (scene && shown && shown === series && settled && layout === "stack") scene.prefetch();
  }, [scene, shown, series, settled, layout]);

  useEffect(() => {
    const observer = new ResizeObserver(() => scene?.resize());
    for (const element of elements.current.values()) observer.observe(element);
    return () => observer.disconnect();
  }, [scene, layout, shown]);

  // The first mask of a series is seen at once, unless the reader has gone elsewhere meanwhile.
  useEffect(() => {
    const opening = masks.masks.find((mask) => mask.opening)?.opening;
    if (!scene || !series || !opening || moved.current) return;
    moved.current = true;
    const middle = Math.floor(series.imageIds.length / 2);
    const now = views.get("stack").info;
    place.current = { index: opening.index, point: opening.centerLpsMm };
    const slice = series.order.slices[opening.index];
    if (slice && (layout === "planes" || now === null || now.sliceNumber - 1 === middle)) {
      void scene.goTo(slice.sopInstanceUid, opening.centerLpsMm);
    }
  }, [scene, series, masks.masks, views, layout]);

  // A finding's colour in the panel is the colour of its segment in the image.
  useEffect(() => {
    for (const { segmentation: reference } of findings) {
      const mask = masks.masks.find((one) => one.sopInstanceUid === reference?.sop_instance_uid);
      if (mask && reference) {
        scene?.setSegmentColor(mask, reference.segment_number, reference.color_rgb);
      }
    }
  }, [scene, findings, masks.masks, layout]);

  // The other layout opens where this one looks; a mask's middle is kept while its slice is open.
  const changeLayout = useCallback(
    (next: Layout) => {
      const point = scene?.point ?? null;
      if (series && layout === "stack") {
        const index = (views.get("stack").info?.sliceNumber ?? 1) - 1;
        if (place.current?.index !== index) place.current = { index, point };
      } else if (series && point) {
        place.current = { index: nearestSlice(series.order.slices, point) ?? 0, point };
      }
      setLayout(next);
    },
    [layout, scene, series, views],
  );

  const showSegment = useCallback(
    (sopInstanceUid: string, segmentNumber: number) => {
      const mask = masks.masks.find((one) => one.sopInstanceUid === sopInstanceUid);
      const segment = mask?.segments.find((one) => one.segmentNumber === segmentNumber);
      const slice = segment?.extent ? series?.order.slices[segment.extent.middlePlane] : undefined;
      if (slice) void scene?.goTo(slice.sopInstanceUid, segment?.centerLpsMm ?? null);
    },
    [masks.masks, scene, series],
  );

  return {
    scene,
    views,
    elements,
    series,
    seriesInstanceUid,
    layout,
    loading,
    problem: problem ?? (failure ? new Problem(0, "The image can't be shown.", failure, "", "image") : null),
    masks,
    openSeries: setChosen,
    reloadSeries: () => setReloads((times) => times + 1),
    setLayout: changeLayout,
    showSegment,
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(0, "The series can't be shown.", detail, "Reload the page.", "series");
}
