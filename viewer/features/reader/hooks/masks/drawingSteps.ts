import type { EditTool, LoadedSeries } from "@/cornerstone";
import { discAround, growRegion, withinRange } from "@/dicom/drawing/regions";
import { segmentOnSlice } from "@/dicom/drawing/transfer";
import type { Vector } from "@/dicom/geometry";
import type { WindowRange } from "@/dicom/windowing";
import type { DrawnSegmentation } from "@/shared/api/types";
import { saveSegmentation } from "@/features/reader/lib/masks/drawnSegmentations";
import { freeNumber, voxelAt, type Aid, type DrawnSegment, type OpenDrawing } from "./drawnSegments";

export type DrawingTool = EditTool | "grow";

/** Pixels of some slices, by index. */
export type Pixels = ReadonlyMap<number, readonly number[]>;

/** What a tool does at a place. */
export interface Step {
  pixels: Pixels;
  aid: Aid | null;
  erases: boolean;
}

/** As what the file states a tool; an eraser is a brush, too. */
export const aidOf: Record<EditTool, Aid> = { brush: "BRUSH", eraser: "BRUSH", threshold: "THRESHOLD", fill: "OUTLINE", circle: "OUTLINE", rectangle: "OUTLINE" };

/** What a brush, the eraser or region growing changes at a place; null beside the series. */
export async function stepAt(
  { drawing, grid }: OpenDrawing,
  lpsMm: Vector | null,
  { tool, radiusMm, range, sliceOnly }: { tool: DrawingTool; radiusMm: number; range: WindowRange; sliceOnly: boolean },
): Promise<Step | null> {
  const voxel = voxelAt(drawing.series, grid, lpsMm);
  if (!voxel) return null;
  if (tool === "grow") {
    const pixels = await growRegion(grid, voxel, range, (index) => drawing.valuesOf(index), {
      inSliceOnly: sliceOnly,
      mayEnter: (index, at) => drawing.mayChange(index, at),
    });
    return { pixels, aid: "REGION_GROWING", erases: false };
  }
  const disc = discAround(grid, voxel, radiusMm, [grid.rowSpacingMm, grid.columnSpacingMm]);
  const values = tool === "threshold" ? ((await drawing.valuesOf(voxel.slice)) ?? []) : null;
  const wanted = values ? disc.filter((at) => isWithin(values[at], range)) : disc;
  return { pixels: new Map([[voxel.slice, wanted]]), aid: aidOf[tool], erases: tool === "eraser" };
}

/** All that lies within a range on some slices. */
export async function pixelsInRange({ drawing }: OpenDrawing, indexes: readonly number[], range: WindowRange): Promise<Pixels> {
  const pixels = new Map<number, number[]>();
  for (const index of indexes) {
    const values = await drawing.valuesOf(index);
    if (values) pixels.set(index, withinRange(values, range, (at) => drawing.mayChange(index, at)));
  }
  return pixels;
}

/** Where a segment lies on another series, by the nearest voxel; none where it does not. */
export async function pixelsOn(target: LoadedSeries, { drawing, grid }: OpenDrawing, number: number): Promise<Pixels> {
  const source = drawing.series.order.slices.map((slice, index) => ({ slice, labels: drawing.labelsOf(index) }));
  const pixels = new Map<number, number[]>();
  for (const [index, { dataset }] of target.order.slices.entries()) {
    const shape = segmentOnSlice(source, grid.gapMm, number, dataset);
    const places: number[] = [];
    for (const [at, value] of shape?.entries() ?? []) if (value) places.push(at);
    if (places.length > 0) pixels.set(index, places);
    // The page answers in between.
    await new Promise((resolve) => setTimeout(resolve));
  }
  return pixels;
}

/** The same structure on another series, under a number that is free there; null where none is. */
export function copyOf(segment: DrawnSegment, there: readonly DrawnSegment[]): DrawnSegment | null {
  const number = freeNumber(there);
  if (number === null) return null;
  const aids = [...new Set<Aid>([...segment.aids, "RESAMPLING"])];
  return { ...segment, number, locked: false, hidden: false, trackingUid: "", aids };
}

/** The drawing with what helped noted at a segment. */
export function helped(one: OpenDrawing, number: number, aid: Aid | null): OpenDrawing {
  if (!aid || one.segments.some((each) => each.number === number && each.aids.includes(aid))) return one;
  return {
    ...one,
    segments: one.segments.map((each) => (each.number === number ? { ...each, aids: [...each.aids, aid] } : each)),
  };
}

export function store({ drawing, segments, title, predecessor }: OpenDrawing, withContours: boolean): Promise<DrawnSegmentation> {
  const { series, rows, columns } = drawing;
  return saveSegmentation(
    series.studyInstanceUid,
    {
      series_instance_uid: series.seriesInstanceUid,
      title,
      rows,
      columns,
      predecessor_sop_instance_uid: predecessor,
      with_structure_set: withContours,
      segments: segments.map((one) => ({
        structure: one.structure,
        label: one.label,
        side: one.side || null,
        color_rgb: one.color,
        aids: [...one.aids],
        tracking_uid: one.trackingUid,
      })),
    },
    segments.map(({ number }) => number),
    drawing.drawn,
  );
}

function isWithin(value: number | undefined, { lower, upper }: WindowRange): boolean {
  return value !== undefined && value >= lower && value <= upper;
}
