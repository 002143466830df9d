import { utilities, type VolumeViewport } from "@cornerstonejs/core";
import { annotation, type Types as ToolTypes } from "@cornerstonejs/tools";
import type { Calibration } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { NotMeasurable, type Point } from "@/dicom/calibration/scale";
import { inPlane, type Vector } from "@/dicom/geometry";
import { hasExtent } from "@/dicom/measurements/extent";
import { measuredLines, type Measurement } from "@/dicom/measurements/measurement";
import { measuringToolOf } from "@/cornerstone/tools";
import { text } from "@/shared/i18n";
import { measuringClasses } from "@/cornerstone/runtime";
import { dataOf, pointsForNode } from "./annotations";

/** Planes through a volume are drawn in the patient's millimetres, whatever the pixels of its images are. */
const millimetres: Calibration = {
  source: "pixel_spacing",
  spacingMm: [1, 1],
  aspect: [1, 1],
  regions: [],
  caveats: [],
};

/**
 * What stands beside a drawing on a plane that is none of the images: its size in the patient, and that it
 * is kept nowhere, for there is no image that it could be saved on.
 */
export function linesAcrossImages({ metadata, data }: ToolTypes.Annotation): string[] {
  const kind = measuringToolOf(metadata?.toolName ?? "");
  const normal = metadata?.viewPlaneNormal;
  if (!kind || !normal) return [];
  const points: Point[] = inPlane([...normal], pointsForNode(kind, data).map((point): Vector => [...point]));
  const isClosed = kind === "freehand" && data.contour?.closed === true;
  const found = quantitiesOfShape(kind, points, millimetres, isClosed);
  const measured = found instanceof NotMeasurable ? [] : found;
  const lines = measuredLines({ label: data.label ?? "", measured, obstacle: null, savedAs: [] });
  return [...lines, text().viewing.acrossImages];
}

/** What was placed; its points in the plane's own directions tell which axis of an ellipse is upright. */
export type AcrossDrawing = Pick<Measurement, "kind" | "label" | "points" | "isClosed">;

/** Draws it as Cornerstone's own tools do. `points` in the patient, LPS in mm. */
export function drawAcross(view: VolumeViewport, drawing: AcrossDrawing, points: readonly Vector[]): void {
  if (!hasExtent(drawing.kind, drawing.points)) return;
  const world = points.map((point): Vector => [...point]);
  const made: ToolTypes.Annotation = {
    annotationUID: utilities.uuidv4(),
    highlighted: false,
    invalidated: true,
    isLocked: false,
    isVisible: true,
    metadata: { ...view.getViewReference({ points: world.slice(0, 1) }), toolName: measuringClasses[drawing.kind].toolName },
    data: dataOf({ ...drawing, measured: [] }, world, ""),
  };
  annotation.state.addAnnotation(made, view.getFrameOfReferenceUID());
  view.render();
}
