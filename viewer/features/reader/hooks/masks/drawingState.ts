import type { LoadedMask, LoadedSeries } from "@/cornerstone";
import type { SegmentStatistics } from "@/dicom/drawing/statistics";
import type { WindowRange } from "@/dicom/windowing";
import type { Problem } from "@/shared/api/problem";
import type { DrawnSegmentation, DrawnStructure } from "@/shared/api/types";
import type { DrawingTool, Pixels } from "./drawingSteps";
import type { DrawnSegment, OpenDrawing, Side } from "./drawnSegments";

/** Drawing on the open series, as its panel shows it and what can be done with it. */
export interface DrawingState {
  /** What is drawn on the open series; null while nothing is. */
  open: OpenDrawing | null;
  /** Why nothing can be drawn on it; empty where something can. */
  refusal: string;
  statistics: ReadonlyMap<number, SegmentStatistics>;
  tool: DrawingTool;
  radiusMm: number;
  range: WindowRange;
  sliceOnly: boolean;
  busy: boolean;
  notice: string;
  problem: Problem | null;
  /** Other open series of the same frame of reference. */
  targets: readonly LoadedSeries[];
  begin: (saved?: DrawnSegmentation) => void;
  /** Begins with a copy of a mask that is on the screen. */
  beginFrom: (mask: LoadedMask) => void;
  close: () => void;
  setTitle: (title: string) => void;
  setTool: (tool: DrawingTool) => void;
  setRadius: (mm: number) => void;
  setRange: (range: WindowRange) => void;
  setSliceOnly: (on: boolean) => void;
  add: (structure: DrawnStructure, label: string, side: Side) => void;
  remove: (number: number) => void;
  choose: (number: number) => void;
  change: (number: number, changes: Partial<Pick<DrawnSegment, "label" | "color" | "locked" | "hidden">>) => void;
  fillRange: (which: "slice" | "all") => void;
  useInMiddle: () => void;
  interpolate: () => void;
  copyTo: (seriesInstanceUid: string) => void;
  /** Adds a mask that a model made to the segment that is drawn. */
  takeMask: (pixels: Pixels) => void;
  undo: () => void;
  redo: () => void;
  save: (withContours: boolean) => void;
}
