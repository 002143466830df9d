import { getEnabledElement, type Types } from "@cornerstonejs/core";
import { annotation, BidirectionalTool, CircleROITool, Enums, type Types as ToolTypes } from "@cornerstonejs/tools";
import { atRightAngle, circleHalves, distanceFromCircle, withShortAxis } from "@/dicom/measurements/proportions";
import { drawnPlane } from "@/cornerstone/views/plane";

/** Two of a point in the patient along an image's rows and down its columns. */
type Point = [number, number];

/** What a tool is configured with: by how much more a length down the image is worth than one across that is drawn as long. */
export type StretchOf = (one: ToolTypes.Annotation) => number;

function stretchOf(configuration: Record<string, unknown>, one: ToolTypes.Annotation): number {
  const { stretchOf: ask } = configuration as { stretchOf?: StretchOf };
  return ask?.(one) ?? 1;
}

/** Between the patient and an image's own directions, in the unit in which it is drawn. */
class Directions {
  private readonly plane;

  constructor(
    one: ToolTypes.Annotation,
    private readonly origin: Types.Point3,
  ) {
    this.plane = drawnPlane(one.metadata?.referencedImageId ?? "");
  }

  of(point: Types.Point3): Point {
    const from = point.map((value, axis) => value - (this.origin[axis] ?? 0));
    const along = (direction: Types.Point3) => from.reduce((sum, value, axis) => sum + value * (direction[axis] ?? 0), 0);
    return [along(this.plane.along), along(this.plane.down)];
  }

  at([across, down]: readonly [number, number]): Types.Point3 {
    const { along, down: below } = this.plane;
    return this.origin.map((value, axis) => value + across * (along[axis] ?? 0) + down * (below[axis] ?? 0)) as Types.Point3;
  }
}

interface OnScreen {
  worldToCanvas: (point: Types.Point3) => Types.Point2;
}

const proportional = 1e-3;

function isStretched(stretch: number): boolean {
  return Math.abs(stretch - 1) > proportional;
}

/** A circle in mm: where pixels are drawn in other proportions than their own, an ellipse on the screen. */
export class CircleTool extends CircleROITool {
  static toolName = CircleROITool.toolName;

  constructor(...given: ConstructorParameters<typeof CircleROITool>) {
    super(...given);
    const [draw, isNear, dragHandle] = [this.renderAnnotation, this.isPointNearTool, this._dragHandle];
    this.renderAnnotation = (enabledElement, svg) => {
      const isDrawn = draw(enabledElement, svg);
      for (const one of annotation.state.getAnnotations(CircleROITool.toolName, enabledElement.viewport.element)) {
        const outline = svg.getSvgNode(`${one.annotationUID}::ellipse::0`);
        if (outline) this.shape(one, outline, enabledElement.viewport);
      }
      return isDrawn;
    };
    this.isPointNearTool = (element, one, canvas, proximity) => {
      const stretch = stretchOf(this.configuration, one);
      const [center, end] = one.data.handles.points;
      const viewport = getEnabledElement(element)?.viewport;
      if (!isStretched(stretch) || !center || !end || !viewport) return isNear(element, one, canvas, proximity);
      const image = new Directions(one, center);
      const unit = canvasDistance(viewport, center, image.at([1, 0]));
      return distanceFromCircle([0, 0], image.of(end), image.of(viewport.canvasToWorld(canvas)), stretch) * unit <= proximity / 2;
    };
    // Cornerstone's own makes of two points five, the second of which is not where the pointer is.
    this._dragHandle = (event) => {
      const { points } = this.editData?.annotation.data.handles ?? {};
      if (!points || this.editData?.handleIndex === 0) dragHandle(event);
      else points.splice(1, points.length, [...event.detail.currentPoints.world]);
    };
  }

  private shape(one: ToolTypes.Annotation, outline: Element, viewport: OnScreen): void {
    const stretch = stretchOf(this.configuration, one);
    const [center, end] = one.data.handles?.points ?? [];
    if (!isStretched(stretch) || !center || !end) return;
    const image = new Directions(one, center);
    const [halfWidth, halfHeight] = circleHalves([0, 0], image.of(end), stretch);
    outline.setAttribute("rx", String(canvasDistance(viewport, center, image.at([halfWidth, 0]))));
    outline.setAttribute("ry", String(canvasDistance(viewport, center, image.at([0, halfHeight]))));
    const [[x, y], [right, rise]] = [viewport.worldToCanvas(center), viewport.worldToCanvas(image.at([halfWidth, 0]))];
    outline.setAttribute("transform", `rotate(${(Math.atan2(rise - y, right - x) * 180) / Math.PI} ${x} ${y})`);
  }
}

/** Two axes at a right angle in mm, which on the screen is another one where pixels are drawn in other proportions than their own. */
export class AxesTool extends BidirectionalTool {
  static toolName = BidirectionalTool.toolName;

  constructor(...given: ConstructorParameters<typeof BidirectionalTool>) {
    super(...given);
    const [draw, modify] = [this._dragDrawCallback, this._dragModifyHandle];
    this._dragDrawCallback = (event) => {
      draw(event);
      const one = this.editData?.annotation;
      const stretch = one ? stretchOf(this.configuration, one) : 1;
      const points = one?.data.handles?.points;
      const [start, end] = points ?? [];
      if (!one || !points || !start || !end || !isStretched(stretch)) return;
      const image = new Directions(one, start);
      const [, , first, second] = withShortAxis([[0, 0], image.of(end)], stretch);
      points.splice(2, 2, image.at(first), image.at(second));
      annotation.state.triggerAnnotationModified(one, event.detail.element, Enums.ChangeTypes.HandlesUpdated);
    };
    this._dragModifyHandle = (event) => {
      const { annotation: one, handleIndex } = this.editData ?? {};
      const points = one?.data.handles?.points;
      const [start] = points ?? [];
      const stretch = one ? stretchOf(this.configuration, one) : 1;
      if (!one || !points || !start || !isStretched(stretch) || !isEnd(handleIndex)) return modify(event);
      const image = new Directions(one, [...start]);
      const before = points.map((point) => image.of(point));
      modify(event);
      const after = points.map((point) => image.of(point));
      if (!isAxes(before) || !isAxes(after) || JSON.stringify(before) === JSON.stringify(after)) return;
      points.splice(0, 4, ...atRightAngle(before, after, handleIndex, stretch).map((point) => image.at(point)));
    };
  }
}

function isEnd(index: number | undefined): index is 0 | 1 | 2 | 3 {
  return index !== undefined && index >= 0 && index <= 3;
}

function isAxes(points: Point[]): points is [Point, Point, Point, Point] {
  return points.length === 4;
}

function canvasDistance(viewport: OnScreen, one: Types.Point3, other: Types.Point3): number {
  const [[x, y], [otherX, otherY]] = [viewport.worldToCanvas(one), viewport.worldToCanvas(other)];
  return Math.hypot(otherX - x, otherY - y);
}
