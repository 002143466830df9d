import { type Types, utilities } from "@cornerstonejs/core";
import { wadors } from "@cornerstonejs/dicom-image-loader";
import { asNative, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { applyLut, modalityLutOf } from "@/dicom/display/lut";
import { areOverlaysReadable, bitsAt, cellOf, isOfCells, overlaysInPixels, statedHeader, withoutOverlayBits } from "@/dicom/display/pixelCells";
import { asStated, isOfOtherSign, type Rescaling } from "@/dicom/display/statedSign";
import { FrameRefusal } from "@/cornerstone/frames";
import { overlayBits } from "@/cornerstone/overlayBits";
import { text } from "@/shared/i18n";

/** Cornerstone knows slope and intercept alone; a modality LUT is applied to the pixels themselves. */
function withModalityLut(image: Types.IImage): void {
  const header = wadors.metaDataManager.get(image.imageId) as DicomJson | undefined;
  const lut = header && !image.color ? modalityLutOf(header) : null;
  if (!lut) return;
  applyLut(image.getPixelData() as Int16Array, lut);
  image.minPixelValue = lut.values.reduce((least, value) => Math.min(least, value));
  image.maxPixelValue = lut.values.reduce((most, value) => Math.max(most, value));
}

/** What Cornerstone has done to stored values (its `scaleArray`). */
function rescalingOf({ preScale }: Types.IImage): Rescaling {
  if (!preScale?.scaled) return { slope: 1, intercept: 0 };
  const { rescaleSlope = 1, rescaleIntercept = 0, modality, suvbw } = preScale.scalingParameters ?? {};
  const factor = modality === "PT" && suvbw ? suvbw : 1;
  return { slope: rescaleSlope * factor, intercept: rescaleIntercept * factor };
}

/** Cornerstone takes the sign that a codestream states. */
function withStatedSign(image: Types.IImage): void {
  const header = wadors.metaDataManager.get(image.imageId) as DicomJson | undefined;
  const rescaling = rescalingOf(image);
  if (!header || image.color || !isOfOtherSign(image.minPixelValue, image.maxPixelValue, header, rescaling)) return;
  const { values: scalarData, least, largest } = asStated(image.getPixelData(), header, rescaling);
  const { columns, rows } = image;
  image.getPixelData = () => scalarData;
  image.voxelManager = utilities.VoxelManager.createImageVoxelManager({
    scalarData,
    width: columns,
    height: rows,
    numberOfComponents: 1,
  });
  image.dataType = scalarData.constructor.name as typeof image.dataType;
  image.sizeInBytes = scalarData.byteLength;
  [image.minPixelValue, image.maxPixelValue] = [least, largest];
}

/** Bits of overlays above the value are none of the pixel; they are kept to be drawn over it. */
function takeOverlayBits(image: Types.IImage): void {
  const drawn = wadors.metaDataManager.get(image.imageId) as DicomJson | undefined;
  const header = drawn && statedHeader(drawn);
  const overlays = header ? overlaysInPixels(header) : [];
  if (!header || image.color || overlays.length === 0 || !areOverlaysReadable(header)) return;
  const pixels = image.getPixelData() as Int16Array;
  const isRescaled = image.preScale?.scaled === true;
  overlayBits.set(image.imageId, new Map(overlays.map(({ group, position }) => [group, bitsAt(position, pixels, header, isRescaled)])));
  [image.minPixelValue, image.maxPixelValue] = withoutOverlayBits(pixels, header, isRescaled);
}

/** Values that do not fill their cells are right only where nothing else is in the cells. */
function refuseOtherBits(image: Types.IImage): void {
  const header = wadors.metaDataManager.get(image.imageId) as DicomJson | undefined;
  const cell = header && cellOf(header);
  if (!cell) return;
  if (!image.preScale?.scaled || !isOfCells(image.getPixelData(), cell)) {
    throw new FrameRefusal(text().refusals.images.otherBits(cell.bitsStored, cell.highBit));
  }
}

/** JPEG Baseline and Extended (PS3.5 A.4.1). */
const lossyJpeg = ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"];

/**
 * The image with the colours that its header states. Components that are red, green and blue are taken for YCbCr by
 * Cornerstone's decoder where the codestream states nothing; then the node decodes.
 */
export async function inStatedColors(
  image: Types.IImage & { transferSyntaxUID?: string },
  load: (imageId: string) => Promise<Types.IImage>,
): Promise<Types.IImage> {
  const { imageId } = image;
  const header = wadors.metaDataManager.get(imageId) as DicomJson | undefined;
  const isJpeg = lossyJpeg.includes(image.transferSyntaxUID ?? "");
  if (!header || !isJpeg || stringOf(header, "00280004").trim() !== "RGB") return image;
  const nativeId = asNative(imageId);
  wadors.metaDataManager.add(nativeId, header as Parameters<typeof wadors.metaDataManager.add>[1]);
  return { ...(await load(nativeId)), imageId };
}

/** The values of an image that Cornerstone has loaded, as its header states them. Throws FrameRefusal. */
export function valuesAsStated(image: Types.IImage): void {
  withStatedSign(image);
  refuseOtherBits(image);
  takeOverlayBits(image);
  withModalityLut(image);
}
