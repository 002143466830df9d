import type { Matrix, ViewInfo } from "@/cornerstone";
import { numbersOf } from "@/dicom/dicomweb";
import { cross, dot, pixelSpacingOf, type Slice, type Vector } from "@/dicom/geometry";
import { imagePlaneOf, lpsOn, placeOn, type ImagePlane } from "@/dicom/imagePlane";
import type { Place } from "@/dicom/measurements/placed";

/** What a cursor that is moved by keys lies on. */
export interface Ground {
  /** The image; null of a cut that is none. */
  slice: Slice | null;
  /** Of a plane through a volume: as what its places are counted. Null on a stack. */
  plane: ImagePlane | null;
  columns: number;
  rows: number;
}

export function stackGround(slice: Slice | null): Ground {
  const [rows, columns] = ["00280010", "00280011"].map((tag) => (slice && numbersOf(slice.dataset, tag)[0]) ?? 0) as [number, number];
  return { slice, plane: null, columns, rows };
}

/** The image that a plane through a volume shows; where it shows none, what of the cut is on the screen, as fine as the images are. */
export function planeGround(info: ViewInfo | null, slices: readonly Slice[]): Ground | null {
  const screen = info?.plane?.screen;
  if (!info || !screen) return null;
  const slice = info.isReformat ? null : (slices[info.sliceNumber - 1] ?? null);
  const image = slice && imagePlaneOf(slice.dataset);
  if (slice && image) return { ...stackGround(slice), plane: image };
  const finestMm = Math.min(...((slices[0] && pixelSpacingOf(slices[0].dataset)) ?? [1, 1]));
  const plane: ImagePlane = {
    origin: lpsOn(screen, [0, 0]),
    nextColumn: ofLength(screen.nextColumn, finestMm),
    nextRow: ofLength(screen.nextRow, finestMm),
    columns: (screen.columns * length(screen.nextColumn)) / finestMm,
    rows: (screen.rows * length(screen.nextRow)) / finestMm,
  };
  // A plane's first place has its middle at 0.5, 0.5.
  plane.origin = lpsOn(plane, [1, 1]);
  const { columns, rows } = plane;
  return { slice: null, plane, columns, rows };
}

/** Another one with another cut; the same while it is moved or magnified. */
export function pictureKey(info: ViewInfo | null): string {
  const screen = info?.plane?.screen;
  if (!info || !screen) return "";
  return info.isReformat ? cutOf(screen) : String(info.sliceNumber);
}

/** From the places of a ground to the element, in CSS pixels. */
export function matrixOf(info: ViewInfo | null, { plane }: Ground): Matrix | null {
  if (!plane) return info?.imageMatrix ?? null;
  const screen = info?.plane?.screen;
  if (!screen) return null;
  const [origin, along, down] = [[0, 0] as const, [1, 0] as const, [0, 1] as const].map((place) => placeOn(screen, lpsOn(plane, place)));
  if (!origin || !along || !down) return null;
  return [along[0] - origin[0], along[1] - origin[1], down[0] - origin[0], down[1] - origin[1], origin[0], origin[1]];
}

/** The same place of the patient on another ground; of a stack, the same pixel. */
export function placeFrom(before: Ground, place: Place, ground: Ground): Place {
  return before.plane && ground.plane ? within(placeOn(ground.plane, lpsOn(before.plane, place)), ground) : place;
}

export function within([column, row]: Place, { columns, rows }: Pick<Ground, "columns" | "rows">): Place {
  return [Math.min(columns, Math.max(0, column)), Math.min(rows, Math.max(0, row))];
}

function cutOf({ origin, nextColumn, nextRow }: ImagePlane): string {
  const normal = ofLength(cross(nextColumn, nextRow), 1);
  return [...normal.map((one) => one.toFixed(4)), dot(normal, origin).toFixed(2)].join(" ");
}

function length(vector: Vector): number {
  return Math.hypot(...vector);
}

function ofLength(vector: Vector, wanted: number): Vector {
  const by = wanted / (length(vector) || 1);
  return [vector[0] * by, vector[1] * by, vector[2] * by];
}
