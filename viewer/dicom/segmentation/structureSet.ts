/** RT Structure Sets (PS3.3 A.19.3): contours in the patient, brought onto the images of a series. */
import { paletteColor, type Rgb } from "@/dicom/color";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { dot, imagePointOfLps, planeNormal, type Slice, type Vector } from "@/dicom/geometry";
import { extentOf } from "@/shared/lib/extent";

const tag = {
  sopInstanceUid: "00080018",
  frameOfReference: "00200052",
  label: "30060002",
  rois: "30060020",
  roiNumber: "30060022",
  roiFrameOfReference: "30060024",
  roiName: "30060026",
  algorithm: "30060036",
  roiContours: "30060039",
  color: "3006002A",
  contours: "30060040",
  geometricType: "30060042",
  contourData: "30060050",
  observations: "30060080",
  observedRoi: "30060084",
  interpretedType: "300600A4",
} as const;

/** PS3.3 C.8.8.6.1. */
const closedTypes = new Set(["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"]);

export interface Contour {
  /** LPS, mm. */
  points: Vector[];
  isClosed: boolean;
}

export interface Roi {
  number: number;
  name: string;
  /** "ORGAN", "GTV"; empty where none is stated. */
  interpretedType: string;
  /** "AUTOMATIC", "MANUAL"; empty where none is stated. */
  algorithm: string;
  color: Rgb;
  frameOfReferenceUid: string;
  contours: Contour[];
}

export interface StructureSet {
  sopInstanceUid: string;
  label: string;
  rois: Roi[];
}

/** What a structure set holds; a ROI without contours is listed, too. */
export function structureSetOf(dataset: DicomJson): StructureSet {
  const contoursOf = new Map(itemsOf(dataset, tag.roiContours).map((item) => [stringOf(item, tag.observedRoi), item]));
  const observationOf = new Map(
    itemsOf(dataset, tag.observations).map((item) => [stringOf(item, tag.observedRoi), item]),
  );
  const rois = itemsOf(dataset, tag.rois).map((item) => {
    const number = stringOf(item, tag.roiNumber);
    const drawn = contoursOf.get(number) ?? {};
    const [red, green, blue] = numbersOf(drawn, tag.color);
    const observation = observationOf.get(number) ?? {};
    return {
      number: Number(number),
      name: stringOf(item, tag.roiName) || number,
      interpretedType: stringOf(observation, tag.interpretedType),
      algorithm: stringOf(item, tag.algorithm),
      color:
        red === undefined || green === undefined || blue === undefined
          ? paletteColor(Number(number))
          : ([red, green, blue] as Rgb),
      frameOfReferenceUid: stringOf(item, tag.roiFrameOfReference),
      contours: itemsOf(drawn, tag.contours).flatMap(contourOf),
    };
  });
  return { sopInstanceUid: stringOf(dataset, tag.sopInstanceUid), label: stringOf(dataset, tag.label), rois };
}

function contourOf(item: DicomJson): Contour[] {
  const numbers = numbersOf(item, tag.contourData);
  const points: Vector[] = [];
  for (let at = 0; at + 2 < numbers.length; at += 3) {
    points.push([numbers[at] ?? 0, numbers[at + 1] ?? 0, numbers[at + 2] ?? 0]);
  }
  const type = stringOf(item, tag.geometricType);
  return points.length > 0 ? [{ points, isClosed: closedTypes.has(type) }] : [];
}

/** A contour on one image: column and row, the first pixel's corner at 0, 0. */
export interface DrawnContour {
  roi: Roi;
  points: readonly (readonly [number, number])[];
  isClosed: boolean;
}

/** Contours of plans lie on the images to within their rounding; those between two images go to the nearer. */
const nearMm = 0.5;

/** Of all contours on one image: more than that takes the browser longer to draw than anybody waits. */
const mostPointsOnSlice = 100_000;

export interface PlacedContours {
  /** By the index of the slice that they lie on; a ROI of another frame of reference has none here. */
  onSlices: ReadonlyMap<number, readonly DrawnContour[]>;
  /** Those of which a slice holds more contours than are drawn. */
  cut: ReadonlySet<Roi>;
}

export function contoursOnSlices(rois: readonly Roi[], slices: readonly Slice[]): PlacedContours {
  const found = new Map<number, DrawnContour[]>();
  const pointsOn = new Map<number, number>();
  const cut = new Set<Roi>();
  const normal = slices[0] && planeNormal(slices[0].dataset);
  const space = slices[0] ? stringOf(slices[0].dataset, tag.frameOfReference) : "";
  if (!normal) return { onSlices: found, cut };
  const reachMm = Math.max(nearMm, gapOf(slices) / 2);
  for (const roi of rois) {
    if (roi.frameOfReferenceUid && space && roi.frameOfReferenceUid !== space) continue;
    for (const { points, isClosed } of roi.contours) {
      const index = sliceOf(points, normal, slices, reachMm);
      const dataset = index === null ? undefined : slices[index]?.dataset;
      if (index === null || !dataset) continue;
      const count = (pointsOn.get(index) ?? 0) + points.length;
      if (count > mostPointsOnSlice) {
        cut.add(roi);
        continue;
      }
      pointsOn.set(index, count);
      const drawn = points.flatMap((point) => {
        const at = imagePointOfLps(dataset, point);
        return at ? [at] : [];
      });
      const onSlice = found.get(index) ?? [];
      if (onSlice.length === 0) found.set(index, onSlice);
      onSlice.push({ roi, points: drawn, isClosed });
    }
  }
  return { onSlices: found, cut };
}

/** The usual distance of neighbouring slices, mm; 0 for one slice. */
function gapOf(slices: readonly Slice[]): number {
  const positions = slices.flatMap(({ positionMm }) => positionMm ?? []);
  const gaps = positions.slice(1).map((position, at) => Math.abs(position - (positions[at] ?? 0)));
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
}

/** The slice that all points of a contour lie on; null where its plane is none of the series. */
function sliceOf(
  points: readonly Vector[],
  normal: Vector,
  slices: readonly Slice[],
  reachMm: number,
): number | null {
  const heights = points.map((point) => dot(normal, point));
  const [least, most] = extentOf(heights);
  if (most - least > nearMm) return null;
  const height = (least + most) / 2;
  let nearest: number | null = null;
  let distance = reachMm + 1e-6;
  for (const [index, { positionMm }] of slices.entries()) {
    if (positionMm === null || Math.abs(positionMm - height) >= distance) continue;
    nearest = index;
    distance = Math.abs(positionMm - height);
  }
  return nearest;
}
