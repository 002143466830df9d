import type { Drawing, LoadedMask, LoadedSeries } from "@/cornerstone";
import type { Rgb } from "@/dicom/color";
import { dot, imagePointOfLps, nearestSlice, planeNormal, type Vector } from "@/dicom/geometry";
import type { DrawGrid } from "@/dicom/drawing/drawable";
import type { DrawnSegmentation, DrawnStructure, NewSegmentation } from "@/shared/api/types";

export type Aid = NonNullable<NewSegmentation["segments"][number]["aids"]>[number];
export type Side = "" | "LEFT" | "RIGHT";

/** A segment that is being drawn. */
export interface DrawnSegment {
  number: number;
  /** The id of the structure in the node's list. */
  structure: string;
  label: string;
  side: Side;
  color: Rgb;
  locked: boolean;
  hidden: boolean;
  /** What helped to draw it. */
  aids: readonly Aid[];
  trackingUid: string;
}

/** What is drawn on one series, and not saved yet. */
export interface OpenDrawing {
  drawing: Drawing;
  grid: DrawGrid;
  segments: readonly DrawnSegment[];
  active: number;
  title: string;
  /** SOP Instance UID of the version that it goes on from; empty for a new one. */
  predecessor: string;
  /** The saved mask that it goes on from, hidden meanwhile. */
  base: LoadedMask | null;
}

/** The first number that no segment has; null where all are taken. */
export function freeNumber(segments: readonly DrawnSegment[]): number | null {
  const taken = new Set(segments.map(({ number }) => number));
  for (let number = 1; number <= 255; number += 1) if (!taken.has(number)) return number;
  return null;
}

export function newSegment(
  before: readonly DrawnSegment[],
  structure: DrawnStructure,
  label: string,
  side: Side,
): DrawnSegment | null {
  const number = freeNumber(before);
  if (number === null) return null;
  const color = structure.color_rgb as Rgb;
  return { number, structure: structure.id, label, side, color, locked: false, hidden: false, aids: [], trackingUid: "" };
}

/** The segments of a saved version; one that names a code beside the list keeps its nearest word, tissue. */
export function segmentsOf(saved: DrawnSegmentation): DrawnSegment[] {
  return saved.segments.map((one) => ({
    number: one.number,
    structure: one.structure ?? "tissue",
    label: one.label,
    side: one.side ?? "",
    color: one.color_rgb as Rgb,
    locked: false,
    hidden: false,
    aids: [],
    trackingUid: one.tracking_uid,
  }));
}

/** Copies of the segments of a mask: of what structure they are the list does not say, and their voxels are others than the sender's. */
export function copiesOf({ segments }: LoadedMask): DrawnSegment[] {
  return segments
    .filter(({ extent, segmentNumber }) => extent !== null && segmentNumber <= 255)
    .map(({ segmentNumber, label, color }) => ({
      number: segmentNumber,
      structure: "tissue",
      label: label.slice(0, 64),
      side: "",
      color,
      locked: false,
      hidden: false,
      aids: ["RESAMPLING"],
      trackingUid: "",
    }));
}

export interface Voxel {
  slice: number;
  column: number;
  row: number;
}

/** The voxel of a series in which a point of the patient lies; null beside it. */
export function voxelAt({ order: { slices } }: LoadedSeries, { gapMm, rows, columns }: DrawGrid, lpsMm: Vector | null): Voxel | null {
  const slice = lpsMm && nearestSlice(slices, lpsMm);
  const nearest = slice === null ? undefined : slices[slice];
  const normal = nearest && planeNormal(nearest.dataset);
  const point = lpsMm && nearest && imagePointOfLps(nearest.dataset, lpsMm);
  if (slice === null || !lpsMm || !nearest || !normal || !point) return null;
  if (Math.abs(dot(normal, lpsMm) - (nearest.positionMm ?? NaN)) > gapMm) return null;
  const [column, row] = [Math.floor(point[0]), Math.floor(point[1])];
  return column < 0 || row < 0 || column >= columns || row >= rows ? null : { slice, column, row };
}
