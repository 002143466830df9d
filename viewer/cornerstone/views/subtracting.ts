import { cache, utilities, type Types } from "@cornerstonejs/core";
import { averaged, differenceWindow, isLinear, maskFramesOf, moved, subtracted, subtractionOfFrame, type Subtraction } from "@/dicom/display/subtraction";
import { frameChanges, type FrameChange } from "@/cornerstone/frameChanges";
import type { LoadedSeries } from "@/cornerstone/series";
import type { WindowRange } from "@/dicom/windowing";
import type { StackCell } from "./cell";

/** Draws the frames of an instance less their masks, and as they are again. */
export class Subtracting {
  constructor(private readonly shownCells: () => readonly StackCell[]) {}

  /** From now on the frames of an instance are drawn so; without any, as they are stored. Its stacks are drawn again. */
  async set(series: LoadedSeries, sopInstanceUid: string, all: readonly Subtraction[]): Promise<void> {
    const frames = series.order.slices.flatMap((slice, index) => {
      const imageId = series.imageIds[index];
      return slice.sopInstanceUid === sopInstanceUid && imageId !== undefined ? [{ slice, imageId }] : [];
    });
    const idOf = new Map(frames.map(({ slice, imageId }) => [slice.frameNumber, imageId]));
    const masks = new Map<string, Promise<Float32Array>>();
    for (const { slice, imageId } of frames) {
      const how = subtractionOfFrame(all, slice.frameNumber);
      const numbers = how ? maskFramesOf(how, slice.frameNumber, frames.length) : [];
      const ids = numbers.flatMap((number) => idOf.get(number) ?? []);
      if (how && ids.length > 0) frameChanges.set(imageId, changeOf(how, ids, masks, isLinear(slice.dataset)));
      else frameChanges.delete(imageId);
      if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
    }
    const cells = this.shownCells().filter((cell) => cell.series?.order.slices[cell.index]?.sopInstanceUid === sopInstanceUid);
    for (const cell of cells) await cell.redraw(all.length > 0 ? windowOf : null);
  }
}

function windowOf(image: Types.IImage): WindowRange {
  return differenceWindow(image.getPixelData());
}

/** Subtracts the mean of some frames; the mask is worked out once for all frames that share it. */
function changeOf(
  { right, down }: Subtraction,
  maskIds: readonly string[],
  masks: Map<string, Promise<Float32Array>>,
  linear: boolean,
): FrameChange {
  const key = [right, down, ...maskIds].join(" ");
  return async (image, load) => {
    const { columns, rows } = image;
    let mask = masks.get(key);
    if (!mask) {
      mask = Promise.all(maskIds.map(load)).then((images) =>
        moved(averaged(images.map((one) => one.getPixelData())), columns, rows, right, down),
      );
      masks.set(key, mask);
      // One that could not be loaded is asked for again with the next frame.
      mask.catch(() => masks.delete(key));
    }
    const values = subtracted(image.getPixelData(), await mask, linear);
    image.getPixelData = () => values;
    image.voxelManager = utilities.VoxelManager.createImageVoxelManager({
      width: columns,
      height: rows,
      scalarData: values,
      numberOfComponents: 1,
    }) as Types.IImage["voxelManager"];
    image.dataType = "Int16Array" as Types.IImage["dataType"];
    image.sizeInBytes = values.byteLength;
    const { lower, upper } = differenceWindow(values);
    [image.minPixelValue, image.maxPixelValue] = [lower, upper];
  };
}
