import { metaData, type Types } from "@cornerstonejs/core";

/** An image plane as Cornerstone draws it: what the header lacks is 0, 1 or axial. */
export interface DrawnPlane {
  origin: Types.Point3;
  along: Types.Point3;
  down: Types.Point3;
  columnSpacing: number;
  rowSpacing: number;
  frameOfReferenceUid: string;
}

interface PlaneModule {
  imagePositionPatient?: Types.Point3;
  rowCosines?: Types.Point3;
  columnCosines?: Types.Point3;
  columnPixelSpacing?: number;
  rowPixelSpacing?: number;
  frameOfReferenceUID?: string;
}

export function drawnPlane(imageId: string): DrawnPlane {
  const stated = (metaData.get("imagePlaneModule", imageId) ?? {}) as PlaneModule;
  return {
    origin: stated.imagePositionPatient ?? [0, 0, 0],
    along: stated.rowCosines ?? [1, 0, 0],
    down: stated.columnCosines ?? [0, 1, 0],
    columnSpacing: stated.columnPixelSpacing || 1,
    rowSpacing: stated.rowPixelSpacing || 1,
    // Annotations of images without a frame of reference are kept under the word itself.
    frameOfReferenceUid: String(stated.frameOfReferenceUID),
  };
}

/** Column and row as in PS3.3 C.18.6.1.1: the first pixel's centre lies at 0.5, 0.5. */
export type ImagePoint = [number, number];

export function imagePointOf(plane: DrawnPlane, world: Types.Point3): ImagePoint {
  const { origin, along, down, columnSpacing, rowSpacing } = plane;
  const from: Types.Point3 = [world[0] - origin[0], world[1] - origin[1], world[2] - origin[2]];
  return [dot(from, along) / columnSpacing + 0.5, dot(from, down) / rowSpacing + 0.5];
}

export function worldOf(plane: DrawnPlane, [column, row]: ImagePoint): Types.Point3 {
  const { origin, along, down, columnSpacing, rowSpacing } = plane;
  const right = (column - 0.5) * columnSpacing;
  const below = (row - 0.5) * rowSpacing;
  return [0, 1, 2].map(
    (axis) => (origin[axis] ?? 0) + (along[axis] ?? 0) * right + (down[axis] ?? 0) * below,
  ) as Types.Point3;
}

function dot(a: Types.Point3, b: Types.Point3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
