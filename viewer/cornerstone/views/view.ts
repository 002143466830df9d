import { StackViewport, type Types, type VolumeViewport } from "@cornerstonejs/core";
import { edgeLetters, type EdgeLetters, type Slice, type Vector } from "@/dicom/geometry";
import type { ImagePlane } from "@/dicom/imagePlane";
import type { StackSlab } from "@/dicom/display/stackSlab";
import { planePlace, type PlanePlace } from "@/dicom/planePlace";
import { centerAndWidth, type WindowRange } from "@/dicom/windowing";
import { drawnPlane, worldOf } from "./plane";
import type { Slab } from "@/cornerstone/volumes/slab";
import { seriesIndexOf } from "./scrolling";
import { slabImages } from "./slabImages";
import { cells, planes, type CellId, type Plane, type ViewId } from "./names";

export { cells, planes, type CellId, type Plane, type ViewId };

export function isCell(viewId: string): viewId is CellId {
  return viewId.startsWith("cell-");
}

/** The view that an event of Cornerstone's came from. */
export function viewIdOf(event: Event): string {
  return (event as CustomEvent<{ viewportId: string }>).detail.viewportId;
}

/** What a view shows now, for the text over it. */
export interface ViewInfo {
  viewId: ViewId;
  /** Counts from 1: that of the series, or of the cuts through the volume where a plane lies across its images. */
  sliceNumber: number;
  sliceCount: number;
  isReformat: boolean;
  /** False while another slice was asked for than the one on the screen. */
  settled: boolean;
  center: number;
  width: number;
  inverted: boolean;
  zoom: number;
  letters: EdgeLetters;
  /** Width of a screen pixel on the plane that is shown, mm. */
  mmPerPixel: number;
  /** From a stack's image (pixels, the first one's corner at 0, 0) to its element (CSS pixels). */
  imageMatrix: Matrix | null;
  /** Of which slab the image of a stack is; null of one that is drawn as it is stored. */
  stackSlab: StackSlab | null;
  /** Of a plane through a volume: where it lies, and what of it is shown; null for a stack. */
  plane: ShownPlane | null;
}

export interface ShownPlane {
  place: PlanePlace;
  slab: Slab;
  /** The element as an image in the patient, a CSS pixel for each of its own. */
  screen: ImagePlane;
}

/** As SVG writes it: x' = a x + c y + e, y' = b x + d y + f. */
export type Matrix = readonly [number, number, number, number, number, number];

export function viewInfo(
  view: StackViewport | VolumeViewport,
  range: WindowRange | null,
  inverted: boolean,
  slices: readonly Slice[] = [],
  slab: Slab | null = null,
): ViewInfo {
  const place = view instanceof StackViewport ? drawnSlice(view) : planeSlice(view, slices);
  const across = step(view, [1, 0]);
  const down = step(view, [0, 1]);
  return {
    viewId: view.id as ViewId,
    sliceNumber: place.index + 1,
    sliceCount: place.count,
    isReformat: place.isReformat,
    settled: place.settled,
    ...centerAndWidth(range ?? { lower: 0, upper: 255 }),
    inverted,
    zoom: view.getZoom(),
    letters: edgeLetters(across, down),
    mmPerPixel: Math.hypot(...across),
    imageMatrix: view instanceof StackViewport ? imageMatrix(view) : null,
    stackSlab: view instanceof StackViewport ? slabImages.slabOf(view.getCornerstoneImage() as object | undefined) : null,
    plane: view instanceof StackViewport || !slab ? null : shownPlane(view, slab, across, down),
  };
}

function shownPlane(view: VolumeViewport, slab: Slab, nextColumn: Vector, nextRow: Vector): ShownPlane | null {
  const { viewPlaneNormal, focalPoint } = view.getCamera();
  const plane = planes.find((one) => one === view.id);
  if (!viewPlaneNormal || !focalPoint || !plane) return null;
  const { clientWidth: columns, clientHeight: rows } = view.element;
  return {
    place: planePlace(plane, [...viewPlaneNormal], [...focalPoint]),
    slab,
    screen: { origin: [...view.canvasToWorld([0.5, 0.5])], nextColumn, nextRow, columns, rows },
  };
}

/** Far apart for the sake of precision. */
const apart = 100;

export function imageMatrix(view: StackViewport): Matrix | null {
  // Undefined before the first image, whatever its type says.
  const image = view.getCornerstoneImage() as { imageId: string } | undefined;
  if (!image) return null;
  const plane = drawnPlane(image.imageId);
  const place = (point: [number, number]) => view.worldToCanvas(worldOf(plane, point));
  const [origin, along, down] = [place([0, 0]), place([apart, 0]), place([0, apart])];
  return [
    (along[0] - origin[0]) / apart,
    (along[1] - origin[1]) / apart,
    (down[0] - origin[0]) / apart,
    (down[1] - origin[1]) / apart,
    origin[0],
    origin[1],
  ];
}

/**
 * How far in the patient one screen pixel lies from the next: asked of the view itself, so that it
 * is true however the image is flipped, rotated or tilted.
 */
function step(view: StackViewport | VolumeViewport, [x, y]: Types.Point2): Vector {
  const from = view.canvasToWorld([0, 0]);
  const to = view.canvasToWorld([x, y]);
  return [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
}

interface Place {
  index: number;
  count: number;
  isReformat: boolean;
  settled: boolean;
}

function planeSlice(view: VolumeViewport, slices: readonly Slice[]): Place {
  const index = seriesIndexOf(view, slices);
  return index === null
    ? { index: view.getSliceIndex(), count: view.getNumberOfSlices(), isReformat: true, settled: true }
    : { index, count: slices.length, isReformat: false, settled: true };
}

/** The slice on the screen; the stack's own index is already that of the slice asked for. */
function drawnSlice(view: StackViewport): Place {
  const asked = view.getCurrentImageIdIndex();
  // Undefined before the first image, whatever its type says.
  const image = view.getCornerstoneImage() as { imageId: string } | undefined;
  const drawn = image ? view.getImageIds().indexOf(image.imageId) : -1;
  const place = { count: view.getNumberOfSlices(), isReformat: false };
  return drawn < 0
    ? { ...place, index: asked, settled: false }
    : { ...place, index: drawn, settled: drawn === asked };
}
