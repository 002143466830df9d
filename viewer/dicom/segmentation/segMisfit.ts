/** Whether the planes of a SEG are those of the images that it segments, pixel by pixel. */
import { numbersOf, type DicomJson } from "@/dicom/dicomweb";
import { dot, planeNormal, vector, type Slice, type Vector } from "@/dicom/geometry";
import type { SegGrid } from "@/dicom/segmentation/segGrid";
import { sourcesOfFrames } from "@/dicom/segmentation/segPlaces";

/**
 * What is another: where its pixels lie within a plane, where its planes lie, which way its rows or columns
 * run without naming its images, or where the images lie that its frames name (PS3.3 C.7.6.16.2.6) while
 * they state a place of their own.
 */
export type SegMisfit = "pixels" | "planes" | "turned" | "names";

/** What writers round positions to is far less. */
const mostPixelsOff = 0.1;
const mostMmOff = 0.01;
const samePointMm = 1e-3;

interface Place {
  slice: Slice;
  heightMm: number;
}

/** What keeps a SEG of the same matrix and direction from being drawn as it is; null where nothing does. */
export function segMisfitOf(grid: SegGrid, header: DicomJson, slices: readonly Slice[]): SegMisfit | null {
  const places = placesOf(slices);
  const [first] = places;
  if (!first) return null;
  const normal = planeNormal(first.slice.dataset);
  if (!normal) return null;
  const placesOfImage = new Map<string, Place[]>();
  for (const place of places) {
    const before = placesOfImage.get(place.slice.sopInstanceUid);
    if (before) before.push(place);
    else placesOfImage.set(place.slice.sopInstanceUid, [place]);
  }
  const named = sourcesOfFrames(header);
  for (const plane of grid.planes) {
    const heightMm = dot(plane.origin, normal);
    const place = nearest(places, heightMm);
    if (Math.abs(place.heightMm - heightMm) > mostMmOff) return "planes";
    if (!hasSamePixels(grid, plane.origin, place.slice.dataset)) return "pixels";
    const sources = named[plane.frameNumber - 1] ?? [];
    // Cornerstone finds the image of a plane by its name, else by its first pixel.
    if (sources.length === 0 && !isSamePoint(plane.origin, place.slice.dataset)) return "turned";
    const ofNamed = sources.flatMap(({ sopInstanceUid, frameNumbers }) =>
      (placesOfImage.get(sopInstanceUid) ?? []).filter(
        ({ slice }) => frameNumbers.length === 0 || frameNumbers.includes(slice.frameNumber),
      ),
    );
    if (ofNamed.length > 0 && ofNamed.every((one) => Math.abs(one.heightMm - heightMm) > mostMmOff)) return "names";
  }
  return null;
}

/** By height; images of one plane (phases, echoes) count once. */
function placesOf(slices: readonly Slice[]): Place[] {
  const [first] = slices;
  const normal = first && planeNormal(first.dataset);
  if (!normal) return [];
  const places = slices.flatMap((slice) => {
    const position = vector(numbersOf(slice.dataset, "00200032"));
    return position ? [{ slice, heightMm: dot(position, normal) }] : [];
  });
  return places.sort((a, b) => a.heightMm - b.heightMm);
}

function nearest(places: readonly Place[], heightMm: number): Place {
  let [low, high] = [0, places.length - 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((places[middle]?.heightMm ?? 0) <= heightMm) low = middle;
    else high = middle;
  }
  const [below, above] = [places[low], places[high]] as [Place, Place];
  return heightMm - below.heightMm <= above.heightMm - heightMm ? below : above;
}

/** Whether a plane's rectangle of pixels is that of an image, whichever way its rows and columns run. */
function hasSamePixels(grid: SegGrid, origin: Vector, image: DicomJson): boolean {
  const cosines = numbersOf(image, "00200037");
  const [along, down] = [vector(cosines), vector(cosines, 3)];
  const position = vector(numbersOf(image, "00200032"));
  const [rowSpacingMm, columnSpacingMm] = numbersOf(image, "00280030");
  const [rows, columns] = [numbersOf(image, "00280010")[0], numbersOf(image, "00280011")[0]];
  if (!along || !down || !position || !rowSpacingMm || !columnSpacingMm || !rows || !columns) return true;
  const reach = [
    { axis: along, spacingMm: columnSpacingMm, most: columns - 1 },
    { axis: down, spacingMm: rowSpacingMm, most: rows - 1 },
  ];
  const far = sum(sum(origin, grid.along, (grid.columns - 1) * grid.columnSpacingMm), grid.down, (grid.rows - 1) * grid.rowSpacingMm);
  return reach.every(({ axis, spacingMm, most }) => {
    const [one, other] = [origin, far].map((corner) => (dot(corner, axis) - dot(position, axis)) / spacingMm) as [number, number];
    return Math.abs(Math.min(one, other)) <= mostPixelsOff && Math.abs(Math.max(one, other) - most) <= mostPixelsOff;
  });
}

function isSamePoint(origin: Vector, image: DicomJson): boolean {
  const position = vector(numbersOf(image, "00200032"));
  return position !== null && origin.every((mm, axis) => Math.abs(mm - (position[axis] ?? NaN)) <= samePointMm);
}

function sum(from: Vector, axis: Vector, mm: number): Vector {
  return [from[0] + axis[0] * mm, from[1] + axis[1] * mm, from[2] + axis[2] * mm];
}
