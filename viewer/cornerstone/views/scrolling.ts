import { getEnabledElement, StackViewport, VolumeViewport } from "@cornerstonejs/core";
import { StackScrollTool, type Types as ToolTypes } from "@cornerstonejs/tools";
import { cross, dot, nearestSlice, planeNormal, type Slice, type Vector } from "@/dicom/geometry";
import { drawnPlane } from "./plane";

/** Planes tilted by less than some 2 degrees against the images show one of them, and carry its number. */
const parallelCosine = 0.999;

function normalOf(view: VolumeViewport): Vector | null {
  const { viewPlaneNormal } = view.getCamera();
  return viewPlaneNormal ? [...viewPlaneNormal] : null;
}

/** The index in the series of the slice that a plane shows; null for a plane that lies across the images. */
export function seriesIndexOf(view: VolumeViewport, slices: readonly Slice[]): number | null {
  const normal = normalOf(view);
  const ofImages = slices[0] && planeNormal(slices[0].dataset);
  const { focalPoint } = view.getCamera();
  if (!normal || !ofImages || !focalPoint || Math.abs(dot(normal, ofImages)) < parallelCosine) return null;
  return nearestSlice(slices, [...focalPoint]);
}

/**
 * -1 where a plane is counted from the other end than the images: Cornerstone counts towards the
 * camera, the series along the normal of its images.
 */
export function scrollSense(view: VolumeViewport): 1 | -1 {
  // A key may come before the volume, and Cornerstone throws without one.
  const [imageId] = view.getActors().length > 0 ? view.getImageIds() : [];
  const normal = normalOf(view);
  if (imageId === undefined || !normal) return 1;
  const { along, down } = drawnPlane(imageId);
  return dot(normal, cross([...along], [...down])) < -parallelCosine ? -1 : 1;
}

/** How many images each place has, by the element of a stack. */
const imagesOfPlace = new WeakMap<HTMLElement, number>();

/** From now on the stack in this element is scrolled from place to place, over so many images each. */
export function setImagesOfPlace(element: HTMLElement, count: number): void {
  imagesOfPlace.set(element, count);
}

/** Goes so many places on, at the same step of the second axis; not beyond the first and the last. */
function scrollPlaces(view: StackViewport, places: number, ofPlace: number): void {
  const index = view.getTargetImageIdIndex() + places * ofPlace;
  if (index >= 0 && index < view.getImageIds().length) view.scroll(places * ofPlace, true, false);
}

const leastDragPx = 8;

/**
 * Scrolls a plane in the direction in which its series is scrolled as a stack, and a stack with several
 * images of each place from place to place.
 */
export class SeriesScrollTool extends StackScrollTool {
  static override toolName = StackScrollTool.toolName;

  private draggedPx = 0;

  override mouseWheelCallback(event: ToolTypes.EventTypes.MouseWheelEventType): void {
    const placed = this.placedIn(event.detail.element);
    if (placed) {
      scrollPlaces(placed.view, event.detail.wheel.direction, placed.ofPlace);
      return;
    }
    this.turn(event.detail.element);
    super.mouseWheelCallback(event);
  }

  override mouseDragCallback(event: ToolTypes.EventTypes.InteractionEventType): void {
    if (this.dragPlaces(event)) return;
    this.turn(event.detail.element);
    super.mouseDragCallback(event);
  }

  override touchDragCallback(event: ToolTypes.EventTypes.InteractionEventType): void {
    if (this.dragPlaces(event)) return;
    this.turn(event.detail.element);
    super.touchDragCallback(event);
  }

  private placedIn(element: HTMLDivElement): { view: StackViewport; ofPlace: number } | null {
    const ofPlace = imagesOfPlace.get(element) ?? 1;
    const view = getEnabledElement(element)?.viewport;
    return ofPlace > 1 && view instanceof StackViewport ? { view, ofPlace } : null;
  }

  private dragPlaces({ detail }: ToolTypes.EventTypes.InteractionEventType): boolean {
    const placed = this.placedIn(detail.element);
    if (!placed) return false;
    this.draggedPx += detail.deltaPoints.canvas[1];
    const places = Math.trunc(this.draggedPx / leastDragPx);
    this.draggedPx -= places * leastDragPx;
    if (places !== 0) scrollPlaces(placed.view, places, placed.ofPlace);
    return true;
  }

  private turn(element: HTMLDivElement): void {
    const view = getEnabledElement(element)?.viewport;
    this.configuration.invert = view instanceof VolumeViewport && scrollSense(view) < 0;
  }
}
