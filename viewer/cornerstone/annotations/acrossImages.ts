import type { Types as ToolTypes } from "@cornerstonejs/tools";
import type { Calibration } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { NotMeasurable, type Point } from "@/dicom/calibration/scale";
import { inPlane, type Vector } from "@/dicom/geometry";
import { measuredLines } from "@/dicom/measurements/measurement";
import { measuringToolOf } from "@/cornerstone/tools";
import { text } from "@/shared/i18n";
import { pointsForNode } from "./annotations";

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
