import { StackViewport, type VolumeViewport } from "@cornerstonejs/core";
import { edgeLetters, type EdgeLetters, type Vector } from "@/lib/geometry";
import { centerAndWidth, type WindowRange } from "@/lib/windowing";

export const planes = ["axial", "sagittal", "coronal"] as const;
export type Plane = (typeof planes)[number];
export type ViewId = "stack" | Plane;

/** What a view shows now, for the text over it. */
export interface ViewInfo {
  viewId: ViewId;
  /** Counts from 1. */
  sliceNumber: number;
  sliceCount: number;
  center: number;
  width: number;
  inverted: boolean;
  zoom: number;
  letters: EdgeLetters;
}

export function viewInfo(
  view: StackViewport | VolumeViewport,
  range: WindowRange | null,
  inverted: boolean,
): ViewInfo {
  const { viewUp, viewPlaneNormal } = view.getCamera();
  const index =
    view instanceof StackViewport ? view.getCurrentImageIdIndex() : view.getSliceIndex();
  return {
    viewId: view.id as ViewId,
    sliceNumber: index + 1,
    sliceCount: view.getNumberOfSlices(),
    ...centerAndWidth(range ?? { lower: 0, upper: 255 }),
    inverted,
    zoom: view.getZoom(),
    letters: edgeLetters((viewUp ?? [0, -1, 0]) as Vector, (viewPlaneNormal ?? [0, 0, -1]) as Vector),
  };
}
