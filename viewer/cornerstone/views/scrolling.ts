import { getEnabledElement, VolumeViewport } from "@cornerstonejs/core";
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
  const [imageId] = view.getImageIds();
  const normal = normalOf(view);
  if (imageId === undefined || !normal) return 1;
  const { along, down } = drawnPlane(imageId);
  return dot(normal, cross([...along], [...down])) < -parallelCosine ? -1 : 1;
}

/** Scrolls a plane in the direction in which its series is scrolled as a stack. */
export class SeriesScrollTool extends StackScrollTool {
  static override toolName = StackScrollTool.toolName;

  override mouseWheelCallback(event: ToolTypes.EventTypes.MouseWheelEventType): void {
    this.turn(event.detail.element);
    super.mouseWheelCallback(event);
  }

  override mouseDragCallback(event: ToolTypes.EventTypes.InteractionEventType): void {
    this.turn(event.detail.element);
    super.mouseDragCallback(event);
  }

  override touchDragCallback(event: ToolTypes.EventTypes.InteractionEventType): void {
    this.turn(event.detail.element);
    super.touchDragCallback(event);
  }

  private turn(element: HTMLDivElement): void {
    const view = getEnabledElement(element)?.viewport;
    this.configuration.invert = view instanceof VolumeViewport && scrollSense(view) < 0;
  }
}
