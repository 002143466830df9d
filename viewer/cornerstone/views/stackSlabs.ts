import { cache, utilities, type Types } from "@cornerstonejs/core";
import { projected, slabAt, slabPlaces, type StackSlab } from "@/dicom/display/stackSlab";
import { frameChanges, type FrameChange } from "@/cornerstone/frameChanges";
import type { LoadedSeries } from "@/cornerstone/series";
import type { StackCell } from "./cell";

/** Of slices as they are stored, for the slabs that share them. */
const mostBytes = 256 * 2 ** 20;

/** Draws the slices of a series as slabs, and as they are again. */
export class StackSlabs {
  private readonly drawn = new Map<string, { imageIds: readonly string[]; slab: StackSlab }>();
  /** What is asked for, by series; what was asked for before it and is not drawn yet never is. */
  private readonly wanted = new Map<string, StackSlab>();
  private drawing: Promise<void> = Promise.resolve();

  constructor(private readonly shownCells: () => readonly StackCell[]) {}

  /** From now on the slices of a series are drawn so; null as they are stored. Its stacks are drawn again. */
  set(series: LoadedSeries, slab: StackSlab | null): Promise<void> {
    const { seriesInstanceUid } = series;
    if (slab) this.wanted.set(seriesInstanceUid, slab);
    else this.wanted.delete(seriesInstanceUid);
    const drawn = this.drawing.then(async () => {
      if ((this.wanted.get(seriesInstanceUid) ?? null) === slab) await this.draw(series, slab);
    });
    // Who asked is informed of a failure; what is asked for next is drawn all the same.
    this.drawing = drawn.catch(() => undefined);
    return drawn;
  }

  private async draw(series: LoadedSeries, slab: StackSlab | null): Promise<void> {
    const { seriesInstanceUid, imageIds, order } = series;
    if ((this.drawn.get(seriesInstanceUid)?.slab ?? null) === slab) return;
    this.undo(seriesInstanceUid);
    if (slab) {
      const load = remembering();
      for (const [index, place] of slabPlaces(order.slices).entries()) {
        const imageId = imageIds[index];
        if (imageId === undefined || !place) continue;
        const others = slabAt(place, slab).indexes.flatMap((one) => (one === index ? [] : (imageIds[one] ?? [])));
        frameChanges.set(imageId, changeOf(slab, others, series.lowIsBright, load));
      }
      this.drawn.set(seriesInstanceUid, { imageIds, slab });
    }
    for (const imageId of imageIds) uncache(imageId);
    for (const cell of this.shownCells()) if (cell.series?.seriesInstanceUid === seriesInstanceUid) await cell.redraw("same");
  }

  /** Planes and volumes are made of slices as they are stored. */
  forget(seriesInstanceUid: string): void {
    this.wanted.delete(seriesInstanceUid);
    this.undo(seriesInstanceUid);
  }

  private undo(seriesInstanceUid: string): void {
    for (const imageId of this.drawn.get(seriesInstanceUid)?.imageIds ?? []) {
      frameChanges.delete(imageId);
      uncache(imageId);
    }
    this.drawn.delete(seriesInstanceUid);
  }
}

function uncache(imageId: string): void {
  if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
}

type LoadValues = (imageId: string, load: Parameters<FrameChange>[1]) => Promise<Types.PixelDataTypedArray>;

/** Loads each slice once for the slabs that it is part of, the oldest forgotten first. */
function remembering(): LoadValues {
  const known = new Map<string, Promise<Types.PixelDataTypedArray>>();
  return async (imageId, load) => {
    const values = known.get(imageId) ?? load(imageId).then((image) => image.getPixelData());
    known.delete(imageId);
    known.set(imageId, values);
    // One that could not be loaded is asked for again with the next slab.
    values.catch(() => known.delete(imageId));
    const { byteLength } = await values;
    for (const oldest of known.keys()) {
      if (known.size * byteLength <= mostBytes) break;
      known.delete(oldest);
    }
    return values;
  };
}

function changeOf(slab: StackSlab, others: readonly string[], lowIsBright: boolean, loadValues: LoadValues): FrameChange {
  return async (image, load) => {
    const { columns, rows } = image;
    const own = image.getPixelData();
    const pictures = await Promise.all(others.map((imageId) => loadValues(imageId, load)));
    const wanted = projected([own, ...pictures.filter(({ length }) => length === own.length)], slab.projection, lowIsBright);
    const values = own.slice();
    // The cells of whole numbers cut off what is behind the point.
    for (let at = 0; at < values.length; at += 1) values[at] = values instanceof Float32Array ? (wanted[at] ?? 0) : Math.round(wanted[at] ?? 0);
    image.getPixelData = () => values;
    image.voxelManager = utilities.VoxelManager.createImageVoxelManager({
      width: columns,
      height: rows,
      scalarData: values,
      numberOfComponents: 1,
    }) as Types.IImage["voxelManager"];
  };
}
