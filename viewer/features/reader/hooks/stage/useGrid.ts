"use client";

import { useMemo, useState } from "react";
import type { Hanging, Stages } from "@/features/reader/hooks/stage/useHanging";
import {
  activated,
  activeRef,
  cellCount,
  filled,
  stepped,
  withClips,
  withGrid,
  withNextSeries,
  type Count,
  type SeriesRef,
} from "@/features/reader/lib/layout/layout";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import { cells, planes, type CellId, type LoadedSeries, type ViewId } from "@/cornerstone";
import { clipInstances } from "@/dicom/display/clip";
import { isImageSeries } from "@/dicom/segmentation/seg";
import type { WindowRange } from "@/dicom/windowing";
import type { StudyDetail } from "@/shared/api/types";

/** The viewports: how they are laid out, which one is worked in, and what the reader does to them. */
export interface Grid {
  /** Stacks in rows and columns, or the active series in three planes, or as a volume. */
  layout: Layout;
  setLayout: (layout: Layout) => void;
  activeView: ViewId;
  /** The viewport that fills the place of all; null for the layout. */
  maximised: ViewId | null;
  toggleMaximised: (viewId: ViewId) => void;
  /** The layouts of the hanging protocol, one after the other. */
  stages: Stages;
  /** The window that the hanging protocol asks for in a viewport. */
  hungWindow: (cell: number) => WindowRange | null;
  setGrid: (rows: Count, columns: Count) => void;
  activate: (cell: number) => void;
  step: (by: number) => void;
  stepSeries: (by: number) => void;
  setLinked: (linked: boolean) => void;
  /** Shows the clips of the active series beside each other; null where it has no two. */
  spreadClips: (() => void) | null;
}

function imageRefs(study: StudyDetail): SeriesRef[] {
  return study.series.filter(isImageSeries).map(({ series_instance_uid: seriesInstanceUid }) => ({
    studyInstanceUid: study.study_instance_uid,
    seriesInstanceUid,
  }));
}

export function useGrid({
  study,
  arrangement,
  change,
  keep,
  stages,
  series,
  layout,
  setLayout,
}: Pick<Hanging, "arrangement" | "change" | "keep" | "stages"> & {
  study: StudyDetail | null;
  /** The active series, once its headers are read. */
  series: LoadedSeries | null;
  layout: Layout;
  setLayout: (layout: Layout) => void;
}): Grid {
  const [large, setLarge] = useState<ViewId | null>(null);
  const active = arrangement ? activeRef(arrangement) : null;
  const count = arrangement ? cellCount(arrangement) : 0;
  const inSight: readonly ViewId[] = layout === "stack" ? cells.slice(0, count) : layout === "planes" ? planes : [];
  const maximised = large !== null && inSight.length > 1 && inSight.includes(large) ? large : null;
  const clips = useMemo(() => (series ? clipInstances(series.order.slices) : []), [series]);
  const toStacks = () => {
    setLayout("stack");
    setLarge(null);
  };
  return {
    layout,
    setLayout: (next) => {
      keep();
      setLayout(next);
    },
    activeView: layout === "stack" ? (cells[arrangement?.active ?? 0] as CellId) : layout === "planes" ? "axial" : "volume",
    maximised,
    toggleMaximised: (viewId) => {
      keep();
      setLarge(maximised === null ? viewId : null);
    },
    stages: {
      ...stages,
      step: (by) => {
        toStacks();
        stages.step(by);
      },
    },
    hungWindow: (cell) => {
      const asHung = stages.current?.arrangement.cells[cell]?.seriesInstanceUid;
      const now = arrangement?.cells[cell]?.seriesInstanceUid;
      return asHung !== undefined && asHung === now ? (stages.current?.windows[cell] ?? null) : null;
    },
    setGrid: (rows, columns) => {
      toStacks();
      change((now) => {
        const next = withGrid(now, rows, columns);
        return study ? filled(next, imageRefs(study)) : next;
      });
    },
    activate: (cell) => {
      // Who puts the focus where it is has changed nothing.
      if (cell !== arrangement?.active) change((now) => activated(now, cell));
    },
    step: (by) => change((now) => stepped(now, by)),
    stepSeries: (by) => study && change((now) => withNextSeries(now, imageRefs(study), by)),
    setLinked: (on) => change((now) => ({ ...now, linked: on })),
    spreadClips:
      active && clips.length > 1
        ? () => {
            toStacks();
            const { studyInstanceUid, seriesInstanceUid } = active;
            change((now) => withClips(now, { studyInstanceUid, seriesInstanceUid }, clips));
          }
        : null,
  };
}
