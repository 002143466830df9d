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
  /** False while another slice was asked for than the one on the screen. */
  settled: boolean;
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
  const { index, settled } =
    view instanceof StackViewport ? drawnSlice(view) : { index: view.getSliceIndex(), settled: true };
  return {
    viewId: view.id as ViewId,
    sliceNumber: index + 1,
    sliceCount: view.getNumberOfSlices(),
    settled,
    ...centerAndWidth(range ?? { lower: 0, upper: 255 }),
    inverted,
    zoom: view.getZoom(),
    letters: edgeLetters((viewUp ?? [0, -1, 0]) as Vector, (viewPlaneNormal ?? [0, 0, -1]) as Vector),
  };
}

/** The slice on the screen; the stack's own index is already that of the slice asked for. */
function drawnSlice(view: StackViewport): { index: number; settled: boolean } {
  const asked = view.getCurrentImageIdIndex();
  // Undefined before the first image, whatever its type says.
  const image = view.getCornerstoneImage() as { imageId: string } | undefined;
  const drawn = image ? view.getImageIds().indexOf(image.imageId) : -1;
  return drawn < 0 ? { index: asked, settled: false } : { index: drawn, settled: drawn === asked };
}
