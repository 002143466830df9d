import { cache } from "@cornerstonejs/core";
import type { Types as ToolTypes } from "@cornerstonejs/tools";
import { handCalibrations, isSameCalibration } from "@/dicom/calibration/byHand";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { NotMeasurable, proportionsAt } from "@/dicom/calibration/scale";
import { caveatsOf, disagreeing, isStatistic, uidOfUuid, type Measurement, type MeasuringKind, type TakenOver } from "@/dicom/measurements/measurement";
import { isWhere } from "@/dicom/measurements/samePlace";
import { statisticsWithin, type Statistics } from "@/dicom/measurements/pixelsWithin";
import { paddingsOf } from "@/dicom/display/padding";
import { suvCaveatsOf } from "@/dicom/pet/suvCaveats";
import { suvFactorOf } from "@/dicom/pet/suv";
import type { WindowRange } from "@/dicom/windowing";
import { realWorldOf } from "@/dicom/display/realWorld";
import { unitOfValues } from "@/dicom/display/values";
import type { Slice } from "@/dicom/geometry";
import { dataOf, pointsForNode, statisticsOf, statsOf } from "./annotations";
import { drawnPlane, imagePointOf, worldOf, type ImagePoint } from "@/cornerstone/views/plane";
import { measuringClasses } from "@/cornerstone/runtime";
import { measuringToolOf } from "@/cornerstone/tools";
import { frameChanges } from "@/cornerstone/frameChanges";
import { pixelValues } from "@/cornerstone/values/pixels";

/** What is drawn, measured on its image; `kept` is what its report states of it. Null off every image. */
export function readDrawing(
  one: ToolTypes.Annotation,
  slice: Slice | undefined,
  kept: Measurement | undefined,
  takenOver: TakenOver | null,
): Measurement | null {
  const imageId = one.metadata?.referencedImageId;
  const kind = measuringToolOf(one.metadata?.toolName ?? "");
  // Drawn through a volume, off every image: there is no image that it could be saved on.
  if (!kind || !imageId || !slice) return null;
  const plane = drawnPlane(imageId);
  const trackingUid = trackingUidOf(one);
  const points = pointsForNode(kind, one.data).map((point) => imagePointOf(plane, point));
  const isClosed = kind === "freehand" && one.data.contour?.closed === true;
  const calibration = calibrationOf(slice.dataset);
  const found = quantitiesOfShape(kind, points, calibration, isClosed);
  const ofShape = found instanceof NotMeasurable ? [] : found;
  const pixel = kind === "probe" ? pixelAt(imageId, points[0]) : null;
  const stretch = stretchOf(one, slice);
  const padding = {
    // Cornerstone takes the values within a circle as it would draw it.
    isOutdated: frameChanges.wasChanged(imageId) || (kind === "circle" && stretch !== 1),
    ranges: paddingsOf(slice.dataset),
    statistics: () => statisticsOn(imageId, kind, points, stretch, paddingsOf(slice.dataset)),
  };
  // Values of a picture that is subtracted are not those of the stored image, which a drawing is saved with.
  const drawn = frameChanges.isChanged(imageId)
    ? []
    : statisticsOf(kind, one.data, unitOfValues(slice.dataset), suvFactorOf(slice.dataset), pixel, padding, realWorldOf(slice.dataset));
  // Until it has been on the screen, what the node keeps of its pixels holds.
  const isElsewhere = kept !== undefined && !isWhere(kept.points, points);
  const statistics = drawn.length > 0 || isElsewhere ? drawn : (kept?.measured.filter(isStatistic) ?? []);
  return {
    trackingUid,
    kind,
    sopInstanceUid: slice.sopInstanceUid,
    frameNumber: slice.frameNumber,
    points,
    isClosed,
    label: one.data.label ?? "",
    measured: [...ofShape, ...statistics],
    obstacle: found instanceof NotMeasurable ? found.obstacle : null,
    savedAs: kept && isWhere(kept.points, points) ? disagreeing(kept.measured, ofShape) : [],
    caveats: [...caveatsOf(kind, calibration), ...(kept?.isUnclear ? (["circle_of_pixels"] as const) : [])],
    valueCaveats: suvCaveatsOf(slice.dataset),
    takenOver,
    madeBy: kept?.madeBy ?? null,
    handCalibration: handCalibrations.get(slice.sopInstanceUid) ?? null,
  };
}

/** By how much more a length down its image is worth there than one across that is drawn as long: ultrasound is drawn with square pixels. */
export function stretchOf(one: ToolTypes.Annotation, slice: Slice | undefined): number {
  const imageId = one.metadata?.referencedImageId;
  const start = one.data.handles?.points?.[0];
  if (!imageId || !slice || !start) return 1;
  const plane = drawnPlane(imageId);
  const { column, row } = proportionsAt(calibrationOf(slice.dataset), imagePointOf(plane, start));
  const stretch = row / plane.rowSpacing / (column / plane.columnSpacing);
  return Math.abs(stretch - 1) > 1e-3 ? stretch : 1;
}

/** The annotation that Cornerstone draws of what a report holds. */
export function annotationOf(one: Measurement, imageId: string, isLocked: boolean): ToolTypes.Annotation {
  const plane = drawnPlane(imageId);
  const points = one.points.map((point) => worldOf(plane, point));
  const { along, down } = plane;
  return {
    annotationUID: one.trackingUid,
    highlighted: false,
    invalidated: statsOf(one.kind, one.measured) === null,
    isLocked,
    isVisible: true,
    metadata: {
      toolName: measuringClasses[one.kind].toolName,
      referencedImageId: imageId,
      FrameOfReferenceUID: plane.frameOfReferenceUid,
      viewPlaneNormal: [
        -(along[1] * down[2] - along[2] * down[1]),
        -(along[2] * down[0] - along[0] * down[2]),
        -(along[0] * down[1] - along[1] * down[0]),
      ],
      viewUp: [-down[0], -down[1], -down[2]],
    },
    data: dataOf(one, points, `imageId:${imageId}`),
  };
}

export function isSameDrawing(one: Measurement, other: Measurement): boolean {
  const parts = ({ kind, label, points, isClosed }: Measurement) =>
    JSON.stringify([kind, label, isClosed, points.map((point) => point.map((value) => value.toFixed(3)))]);
  return parts(one) === parts(other) && isSameCalibration(one.handCalibration ?? null, other.handCalibration ?? null);
}

/** Of a shape's pixels but for the padding; null for a colour, or where nothing is left. */
function statisticsOn(
  imageId: string,
  kind: MeasuringKind,
  points: readonly ImagePoint[],
  stretch: number,
  paddings: readonly WindowRange[],
): Statistics | null {
  const image = cache.getImage(imageId);
  if (!image || (image.numberOfComponents || 1) > 1) return null;
  const { columnSpacing, rowSpacing } = drawnPlane(imageId);
  const { columns, rows } = image;
  return statisticsWithin(kind, points, { columns, rows, values: image.getPixelData(), aspect: (stretch * rowSpacing) / columnSpacing }, paddings);
}

/** The one value of the pixel under a point; null for a colour, or where there is none. */
function pixelAt(imageId: string, point: ImagePoint | undefined): number | null {
  if (!point) return null;
  const [value = NaN, ...others] = pixelValues(imageId, Math.floor(point[0]), Math.floor(point[1]));
  return others.length === 0 && Number.isFinite(value) ? value : null;
}

/** A drawn one has a UUID of Cornerstone's; one that came from the node, its UID. */
export function trackingUidOf({ annotationUID = "" }: ToolTypes.Annotation): string {
  return annotationUID.includes("-") ? uidOfUuid(annotationUID) : annotationUID;
}
