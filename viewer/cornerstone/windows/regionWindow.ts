import { Enums, getEnabledElement, StackViewport, triggerEvent, VolumeViewport, type Types } from "@cornerstonejs/core";
import { WindowLevelRegionTool, type Types as ToolTypes } from "@cornerstonejs/tools";
import { valuesAt } from "@/cornerstone/values/pixels";
import { windowOfRegion, type WindowRange } from "@/dicom/windowing";

/** What is stated of a plane's window when one was chosen, and not the ends of what is drawn dragged. */
export interface PlaneWindow {
  range: WindowRange;
  viewportId: string;
  volumeId: string;
  isWindow: true;
}

/** How many points across, and how many down, a region is looked at. */
const mostSteps = 128;

/**
 * Windows the image by what lies within a rectangle. Cornerstone's own tool takes places of the screen
 * for pixels of the image, which holds at a zoom of 1 alone.
 */
export class RegionWindowTool extends WindowLevelRegionTool {
  static override toolName: unknown = WindowLevelRegionTool.toolName;

  override applyWindowLevelRegion = (drawn: ToolTypes.Annotation, element: HTMLDivElement): void => {
    const view = getEnabledElement(element)?.viewport;
    const corners = drawn.data.handles?.points ?? [];
    const [from, to] = [corners[0], corners[3]];
    if (!from || !to || !(view instanceof StackViewport || view instanceof VolumeViewport)) return;
    const range = windowBetween(view, view.worldToCanvas(from), view.worldToCanvas(to));
    if (!range) return;
    if (view instanceof StackViewport) view.setProperties({ voiRange: range });
    else {
      view.setProperties({ voiRange: range }, undefined, true);
      const detail: PlaneWindow = { range, viewportId: view.id, volumeId: view.getVolumeId(), isWindow: true };
      triggerEvent(element, Enums.Events.VOI_MODIFIED, detail);
    }
    view.render();
  };
}

/** Of a rectangle on the screen; null where its values do not differ. */
export function windowBetween(view: StackViewport | VolumeViewport, from: Types.Point2, to: Types.Point2): WindowRange | null {
  return windowOfRegion(valuesWithin(view, from, to));
}

function valuesWithin(
  view: StackViewport | VolumeViewport,
  from: Types.Point2,
  to: Types.Point2,
): number[] {
  const steps = [0, 1].map((axis) => Math.min(mostSteps, Math.ceil(Math.abs((to[axis] ?? 0) - (from[axis] ?? 0)))));
  const [across = 0, down = 0] = steps;
  const values: number[] = [];
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      const share = [(column + 0.5) / across, (row + 0.5) / down];
      const point = [0, 1].map((axis) => (from[axis] ?? 0) + (share[axis] ?? 0) * ((to[axis] ?? 0) - (from[axis] ?? 0)));
      const [value, ...others] = valuesAt(view, point as Types.Point2)?.values ?? [];
      // A colour has no window.
      if (value !== undefined && others.length === 0) values.push(value);
    }
  }
  return values;
}
