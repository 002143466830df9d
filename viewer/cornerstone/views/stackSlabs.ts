import { cache, utilities, type Types } from "@cornerstonejs/core";
import { projected, slabAt, slabPlaces, type StackSlab } from "@/dicom/display/stackSlab";
import { frameChanges, type FrameChange } from "@/cornerstone/frameChanges";
import type { LoadedSeries } from "@/cornerstone/series";
import type { StackCell } from "./cell";
import { slabImages } from "./slabImages";

/** Of slices as they are stored, for the slabs that share them. */
const mostBytes = 256 * 2 ** 20;

/** Draws the slices of stacks as slabs, and as they are again: by instance, since viewports may share a series. */
export class StackSlabs {
  /** What is asked for, by SOP Instance UID. */
  private readonly wanted = new Map<string, StackSlab>();
  /** As what the slices are drawn now, by image ID. */
  private readonly changed = new Map<string, StackSlab>();
  private drawing: Promise<void> = Promise.resolve();

  constructor(private readonly cells: () => Iterable<StackCell>) {}

  /** From now on the slices of a series, or of a part of it, are drawn so; null as they are stored. Stacks that show them are drawn again. */
  set(series: LoadedSeries, slab: StackSlab | null): Promise<void> {
    const { slices } = series.order;
    for (const [index, place] of slabPlaces(slices).entries()) {
      const sopInstanceUid = slices[index]?.sopInstanceUid;
      if (!place || sopInstanceUid === undefined) continue;
      if (slab) this.wanted.set(sopInstanceUid, slab);
      else this.wanted.delete(sopInstanceUid);
    }
    const ids = new Set(this.change(series));
    const drawn = this.drawing.then(() => this.redraw(ids));
    // Who asked is informed of a failure; what is asked for next is drawn all the same.
    this.drawing = drawn.catch(() => undefined);
    return drawn;
  }

  /** Before a series is shown as a stack: what was asked for of its slices, after planes were shown, too. */
  resume(series: LoadedSeries): void {
    if (this.wanted.size > 0) this.change(series);
  }

  /** Planes and volumes are made of slices as they are stored, whichever series they are of. */
  suspend(): void {
    for (const imageId of this.changed.keys()) restore(imageId);
    this.changed.clear();
  }

  /** Which slices are drawn otherwise from now on. */
  private change({ order, imageIds, lowIsBright }: LoadedSeries): string[] {
    const load = remembering();
    const places = slabPlaces(order.slices);
    return imageIds.filter((imageId, index) => {
      const place = places[index];
      const slab = this.wanted.get(order.slices[index]?.sopInstanceUid ?? "");
      if (this.changed.get(imageId) === slab || !place) return false;
      restore(imageId);
      if (!slab) return this.changed.delete(imageId);
      const others = slabAt(place, slab).indexes.flatMap((one) => (one === index ? [] : (imageIds[one] ?? [])));
      frameChanges.set(imageId, changeOf(slab, others, lowIsBright, load));
      this.changed.set(imageId, slab);
      return true;
    });
  }

  private async redraw(imageIds: ReadonlySet<string>): Promise<void> {
    for (const cell of this.cells()) if (cell.series?.imageIds.some((one) => imageIds.has(one))) await cell.redraw("same");
  }
}

function restore(imageId: string): void {
  frameChanges.delete(imageId);
  uncache(imageId);
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
    slabImages.add(image, slab);
    image.getPixelData = () => values;
    image.voxelManager = utilities.VoxelManager.createImageVoxelManager({
      width: columns,
      height: rows,
      scalarData: values,
      numberOfComponents: 1,
    }) as Types.IImage["voxelManager"];
  };
}
