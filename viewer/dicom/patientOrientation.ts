/** Patient Orientation (0020,0020): how the rows and columns of a projection lie, PS3.3 C.7.6.1.1.1. */
import { numbersOf, stringsOf, type DicomJson } from "@/dicom/dicomweb";
import { hasOrientation, type EdgeLetters, type Slice } from "@/dicom/geometry";
import type { ImageView } from "@/dicom/imageView";

const opposites: Record<string, string> = { A: "P", P: "A", R: "L", L: "R", H: "F", F: "H" };

export interface PatientOrientation {
  /** Where the columns count up to: "L", "PF". */
  along: string;
  /** Where the rows count up to. */
  down: string;
}

/** Null where the header does not say it in the terms of people; quadrupeds have others. */
export function patientOrientationOf(dataset: DicomJson): PatientOrientation | null {
  const [along = "", down = ""] = stringsOf(dataset, "00200020").map((value) => value.toUpperCase());
  return [along, down].every((letters) => /^[APRLHF]{1,3}$/.test(letters)) ? { along, down } : null;
}

const axes = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
] as const;

/** By the cosines of an image that lies in the patient, as a tomosynthesis does: the nearest axis of each direction. */
export function orientationInPatient(dataset: DicomJson): PatientOrientation | null {
  const cosines = numbersOf(dataset, "00200037");
  if (cosines.length !== 6) return null;
  const nearest = (direction: number[]) => {
    const most = direction.reduce((best, one, axis) => (Math.abs(one) > Math.abs(direction[best] ?? 0) ? axis : best), 0);
    return axes[most]?.[(direction[most] ?? 0) >= 0 ? 0 : 1] ?? "";
  };
  return { along: nearest(cosines.slice(0, 3)), down: nearest(cosines.slice(3)) };
}

const orientedStacks = new WeakMap<readonly Slice[], boolean>();

/** Whether every slice lies in the patient. Asked at each turn of the wheel, so a stack is gone through once. */
export function areOriented(slices: readonly Slice[]): boolean {
  const known = orientedStacks.get(slices);
  if (known !== undefined) return known;
  const oriented = slices.every(({ dataset }) => hasOrientation(dataset));
  orientedStacks.set(slices, oriented);
  return oriented;
}

function opposite(letters: string): string {
  return [...letters].map((letter) => opposites[letter] ?? letter).join("");
}

/**
 * The letters of a view's edges, from the image's own axes on the screen: `matrix` as SVG has it, its
 * first two numbers where the columns count up to, the next two where the rows do.
 */
export function edgeLettersOf({ along, down }: PatientOrientation, matrix: readonly number[]): EdgeLetters {
  const [a = 0, b = 0, c = 0, d = 0] = matrix;
  const right = Math.abs(a) >= Math.abs(c) ? signed(along, a) : signed(down, c);
  const bottom = Math.abs(d) >= Math.abs(b) ? signed(down, d) : signed(along, b);
  return { right, left: opposite(right), bottom, top: opposite(bottom) };
}

function signed(letters: string, sign: number): string {
  return sign >= 0 ? letters : opposite(letters);
}

export interface BreastPlacement {
  flipHorizontal: boolean;
  flipVertical: boolean;
  /** The side of the screen at which the chest wall lies. */
  chestWall: "left" | "right";
  /** The side of the image, as it is stored, at which it lies: its last column, or its first. */
  isAtLastColumn: boolean;
}

/**
 * How a mammogram hangs beside the other breast's: the right one's chest wall at the right, the left
 * one's at the left, and what is lateral or towards the head at the top. Null where the header does
 * not say how it lies.
 */
export function breastPlacement(laterality: ImageView["laterality"], orientation: PatientOrientation | null): BreastPlacement | null {
  if (!orientation || laterality === "") return null;
  const { along, down } = orientation;
  const isAtLastColumn = along.includes("P");
  if (!isAtLastColumn && !along.includes("A")) return null;
  const chestWall = laterality === "R" ? "right" : "left";
  const medial = laterality === "R" ? "L" : "R";
  const isUpsideDown = down.includes("H") || (!down.includes("F") && down.includes(opposite(medial)));
  return { flipHorizontal: isAtLastColumn !== (chestWall === "right"), flipVertical: isUpsideDown, chestWall, isAtLastColumn };
}
