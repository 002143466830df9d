"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import { useDose, type DoseState } from "@/features/reader/hooks/dose/useDose";
import { useHeatMaps, type HeatMaps } from "@/features/reader/hooks/findings/useHeatMaps";
import { useShowFinding, type ShowFinding } from "@/features/reader/hooks/findings/useShowFinding";
import { useFusion, type Fusion } from "@/features/reader/hooks/tools/useFusion";
import { useGoTo, type GoingTo } from "@/features/reader/hooks/stage/useGoTo";
import { useGrid, type Grid } from "@/features/reader/hooks/stage/useGrid";
import { useHanging } from "@/features/reader/hooks/stage/useHanging";
import { useLinking, type Linking } from "@/features/reader/hooks/tools/useLinking";
import { useLoadedSeries, type SeriesSlot } from "@/features/reader/hooks/useLoadedSeries";
import { useMasks, type Masks } from "@/features/reader/hooks/masks/useMasks";
import { useOpeningMask } from "@/features/reader/hooks/masks/useOpeningMask";
import { useStructureSets, type StructureSets } from "@/features/reader/hooks/masks/useStructureSets";
import { usePresentations, type Presentations } from "@/features/reader/hooks/stage/usePresentations";
import { useInStep, type InStepState } from "@/features/reader/hooks/stage/useInStep";
import { useReferencePoint, type Reference } from "@/features/reader/hooks/stage/useReferencePoint";
import { useSpyglass, type SpyglassState } from "@/features/reader/hooks/stage/useSpyglass";
import type { HungStage } from "@/features/reader/lib/layout/hanging";
import { useOtherStudies } from "@/features/reader/hooks/useOtherStudies";
import { useScene } from "@/features/reader/hooks/stage/useScene";
import { type LoadedSeries, type Scene, type ViewId } from "@/cornerstone";
import { Problem } from "@/shared/api/problem";
import { activeRef, cellCount, withSeries, type Arrangement, type SeriesRef } from "@/features/reader/lib/layout/layout";
import { text } from "@/shared/i18n";
import type { AskedView } from "@/features/reader/lib/sharing/openedView";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import { seriesToOpen } from "@/dicom/segmentation/seg";
import type { Finding, StudyDetail } from "@/shared/api/types";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";

/** Stacks in rows and columns, or the active series in three planes, or as a volume. */
export type { Layout };

export interface ReaderState extends ShowFinding, Grid {
  scene: Scene | null;
  views: ViewStore;
  /** The study and the patient's others, by UID. */
  studies: ReadonlyMap<string, StudyDetail>;
  /** The patient's other studies, earlier and later, the newest first. */
  others: readonly StudyDetail[];
  /** How many studies stand under the same patient ID and are of another person. */
  otherPersons: number;
  arrangement: Arrangement | null;
  /** The reader works with what is shown: nothing is hung in its place by itself. */
  keep: () => void;
  /** The active series, once its headers are read. */
  series: LoadedSeries | null;
  active: SeriesRef | null;
  slotOf: (ref: SeriesRef | null) => SeriesSlot;
  notice: string;
  failure: Problem | null;
  masks: Masks;
  presentations: Presentations;
  structureSets: StructureSets;
  dose: DoseState;
  heatMaps: HeatMaps;
  fusion: Fusion;
  reference: Reference;
  spyglass: SpyglassState;
  inStep: InStepState;
  /** Images of the study that are asked for from beside the viewports. */
  goingTo: GoingTo;
  /** The series that are on the screen or were, their headers read. */
  opened: readonly LoadedSeries[];
  openSeries: (ref: SeriesRef, cell?: number) => void;
  /** What is on the screen; another one with every change of it. */
  shown: ReadonlyMap<ViewId, LoadedSeries>;
  linking: Linking;
  reloadSeries: (seriesInstanceUid: string) => void;
  onShown: (viewId: ViewId, series: LoadedSeries) => void;
}

const noRefs: readonly SeriesRef[] = [];
const noMasks: Masks["masks"] = [];

/** What the reader shows: which series where, with which masks. */
export function useReader(
  study: StudyDetail | null,
  findings: readonly Finding[],
  asked: AskedView,
): ReaderState {
  const { scene, views, failure } = useScene(asked.viewports);
  const others = useOtherStudies(study);
  const { arrangement, change, keep, stages, notice } = useHanging(study, findings, others, asked.arrangement);
  const [layout, setLayout] = useState<Layout>(asked.layout);
  const [fusedRef, setFusedRef] = useState<SeriesRef | null>(null);
  const [shown, setShown] = useState<ReadonlyMap<ViewId, LoadedSeries>>(new Map());

  const stage = stages.current;
  const [entered, setEntered] = useState<HungStage | null>(null);
  if (stage !== entered) {
    setEntered(stage);
    const isAsked = entered === null && asked.arrangement !== null;
    if (stage?.fused && !isAsked) {
      setLayout("planes");
      setFusedRef(stage.fused);
    } else if (entered?.fused) setLayout("stack");
  }

  const studyInstanceUid = study?.study_instance_uid;
  const studies = useMemo(
    () =>
      new Map(
        [...(study ? [study] : []), ...others.others].map((one) => [one.study_instance_uid, one]),
      ),
    [study, others.others],
  );
  // Nearly always shown: its headers are read while it is still being asked for the other studies.
  const likely = study && !arrangement ? seriesToOpen(study, findings) : null;
  const refs = useMemo(() => {
    if (arrangement) {
      const inCells = arrangement.cells.slice(0, cellCount(arrangement)).flatMap((ref) => ref ?? []);
      return fusedRef && layout === "planes" ? [...inCells, fusedRef] : inCells;
    }
    if (studyInstanceUid === undefined || likely === null) return noRefs;
    return [{ studyInstanceUid, seriesInstanceUid: likely }];
  }, [arrangement, fusedRef, layout, studyInstanceUid, likely]);
  const summaryOf = useCallback(
    ({ studyInstanceUid, seriesInstanceUid }: SeriesRef) =>
      studies.get(studyInstanceUid)?.series.find((one) => one.series_instance_uid === seriesInstanceUid),
    [studies],
  );
  const loaded = useLoadedSeries(refs, summaryOf);
  const active = arrangement ? activeRef(arrangement) : null;
  const { series } = loaded.of(active);
  // A series that is no volume is shown as a stack, whatever was open before it.
  const usedLayout = series?.order.volumeRefusal ? "stack" : layout;

  const grid = useGrid({ study, arrangement, change, keep, stages, series, layout: usedLayout, setLayout });
  const { activeView } = grid;
  const linked = arrangement?.linked ?? false;
  useEffect(() => scene?.activate(activeView), [scene, activeView, refs, shown]);
  const linking = useLinking(scene, linked);

  const inPlanes = usedLayout === "planes" ? (shown.get("axial") ?? null) : null;
  const fusion = useFusion(
    scene,
    inPlanes === series ? inPlanes : null,
    studies.get(active?.studyInstanceUid ?? "") ?? null,
    fusedRef,
    setFusedRef,
    fusedRef ? loaded.of(fusedRef).series : null,
  );

  // What is on the screen of the active view: its masks are read once it is.
  const onScreen = shown.get(activeView) ?? null;
  const current = onScreen === series ? onScreen : null;
  const of = current ? (studies.get(current.studyInstanceUid) ?? null) : study;
  const masks = useMasks(scene, current, of, of === study ? findings : []);
  useOpeningMask(scene, series, views, activeView, asked.image ? noMasks : masks.masks);

  const { settled } = masks;
  useEffect(() => {
    if (scene && settled && usedLayout === "stack") scene.prefetch();
  }, [scene, settled, usedLayout, shown]);

  // A finding's colour in the panel is the colour of its segment in the image.
  useEffect(() => {
    for (const { segmentation: reference } of findings) {
      const mask = masks.masks.find((one) => one.sopInstanceUid === reference?.sop_instance_uid);
      if (mask && reference) {
        scene?.masks.setColor(mask, reference.segment_number, reference.color_rgb);
      }
    }
  }, [scene, findings, masks.masks, usedLayout]);

  // What is still on the screen while another series takes its place is not open any more.
  const opened = useMemo(() => {
    const wanted = new Set(refs.map(({ seriesInstanceUid }) => seriesInstanceUid));
    return [...new Set(shown.values())].filter((one) => wanted.has(one.seriesInstanceUid));
  }, [shown, refs]);
  const openSeries = useCallback(
    (ref: SeriesRef, cell?: number) => change((now) => withSeries(now, cell ?? now.active, ref)),
    [change],
  );
  const goingTo = useGoTo(scene, studyInstanceUid ?? "", openSeries, opened);
  const presentations = usePresentations(scene, study, openSeries, goingTo.goTo);
  const structureSets = useStructureSets(study);
  const dose = useDose(study);
  const heatMaps = useHeatMaps(findings);
  const showFinding = useShowFinding(scene, series, masks.masks, presentations, goingTo);
  const reference = useReferencePoint(scene);
  const spyglass = useSpyglass(scene, activeView, shown);
  const inStep = useInStep(scene, studies, views, activeView, current);
  const onShown = useCallback(
    (viewId: ViewId, now: LoadedSeries) => setShown((all) => new Map(all).set(viewId, now)),
    [],
  );

  return {
    scene,
    views,
    studies,
    others: others.others,
    otherPersons: others.otherPersons,
    arrangement,
    keep,
    series,
    active,
    slotOf: loaded.of,
    notice,
    failure: failure ? new Problem(0, text().viewing.noImage, failure, "", "image") : null,
    masks,
    presentations,
    structureSets,
    dose,
    heatMaps,
    fusion,
    reference,
    spyglass,
    inStep,
    goingTo,
    opened,
    openSeries,
    linking,
    shown,
    reloadSeries: loaded.reload,
    onShown,
    ...showFinding,
    ...grid,
  };
}
