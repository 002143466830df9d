/** Slabs of a tomosynthesis: neighbouring slices of one view drawn as one, their mean or their maximum. */
import { numbersOf, stringOf } from "@/dicom/dicomweb";
import { groupedBy } from "@/shared/lib/groups";
import { viewText } from "@/dicom/imageView";
import { dot, planeNormal, vector, type Slice } from "@/dicom/geometry";

export interface StackSlab {
  projection: "mean" | "max";
  /** How many slices are drawn as one; fewer at the ends of the stack. */
  slices: number;
}

/** Where a slice lies among those of its view. */
export interface SlabPlace {
  /** Indexes in the stack of all slices of the view, in the order of space. */
  view: readonly number[];
  /** Of this slice within `view`. */
  at: number;
  /** From one slice of the view to the next, mm. */
  spacingMm: number;
}

const relativeTolerance = 0.05;

const tag = { imagePosition: "00200032", photometric: "00280004" } as const;

/** Places by index in the stack; null where a slice is none of a view of three or more at even distances. */
export function slabPlaces(slices: readonly Slice[]): (SlabPlace | null)[] {
  const places: (SlabPlace | null)[] = slices.map(() => null);
  for (const frames of viewsIn(slices)) {
    const located = frames.map((index) => ({ index, mm: positionMm(slices[index]) }));
    located.sort((a, b) => (a.mm ?? 0) - (b.mm ?? 0));
    const steps = located.slice(1).map(({ mm }, before) => (mm ?? NaN) - (located[before]?.mm ?? NaN));
    const spacingMm = steps.reduce((sum, step) => sum + step, 0) / steps.length;
    const isEven = spacingMm > 0 && steps.every((step) => Math.abs(step - spacingMm) <= relativeTolerance * spacingMm);
    if (steps.length < 2 || !isEven) continue;
    const view = located.map(({ index }) => index);
    for (const [at, index] of view.entries()) places[index] = { view, at, spacingMm };
  }
  return places;
}

/** The slices of each view by their index: the frames of an instance, or single frames of one side and view. */
function viewsIn(slices: readonly Slice[]): Iterable<readonly number[]> {
  const byInstance = groupedBy(slices.keys(), (index) => slices[index]?.sopInstanceUid ?? "");
  const views = [...byInstance.values()].filter(({ length }) => length > 1);
  const single = [...byInstance.values()].flatMap((frames) => (frames.length === 1 ? frames : []));
  // A 2D view beside them has no place.
  const placed = single.filter((index) => positionMm(slices[index]) !== null);
  const bySide = groupedBy(placed, (index) => {
    const slice = slices[index];
    return slice ? viewText(slice.dataset, slice.frameNumber) : "";
  });
  return [...views, ...bySide.values()];
}

function positionMm(slice: Slice | undefined): number | null {
  if (!slice || !stringOf(slice.dataset, tag.photometric).startsWith("MONOCHROME")) return null;
  const normal = planeNormal(slice.dataset);
  const position = vector(numbersOf(slice.dataset, tag.imagePosition));
  return normal && position ? dot(normal, position) : null;
}

/** Which slices are drawn as one with a slice in their middle, and how thick they are together, mm. */
export function slabAt({ view, at, spacingMm }: SlabPlace, { slices }: StackSlab): { indexes: number[]; thicknessMm: number } {
  const first = Math.max(0, at - Math.floor((slices - 1) / 2));
  const indexes = view.slice(first, at + Math.floor(slices / 2) + 1);
  return { indexes, thicknessMm: indexes.length * spacingMm };
}

type Values = ArrayLike<number>;

/** One picture of several; `lowIsBright`: the maximum of what is bright is the least value. */
export function projected(pictures: readonly Values[], projection: StackSlab["projection"], lowIsBright: boolean): Float32Array {
  const [first = []] = pictures;
  const found = Float32Array.from(first);
  const rest = pictures.slice(1);
  for (const picture of rest) {
    for (let at = 0; at < found.length; at += 1) {
      const [now, next] = [found[at] ?? 0, picture[at] ?? 0];
      found[at] = projection === "mean" ? now + next : lowIsBright ? Math.min(now, next) : Math.max(now, next);
    }
  }
  if (projection === "mean") for (let at = 0; at < found.length; at += 1) found[at] = (found[at] ?? 0) / pictures.length;
  return found;
}
