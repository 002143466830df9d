import { cache } from "@cornerstonejs/core";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { proportionsAt } from "@/dicom/calibration/scale";
import { paddingsOf } from "@/dicom/display/padding";
import { realWorldOf, realWorldValue } from "@/dicom/display/realWorld";
import { suvFactorOf } from "@/dicom/pet/suv";
import { mayBeMapped, unitOfValues } from "@/dicom/display/values";
import type { Measurement } from "@/dicom/measurements/measurement";
import { valuesWithin } from "@/dicom/measurements/pixelsWithin";
import { frameChanges } from "@/cornerstone/frameChanges";
import type { LoadedSeries } from "@/cornerstone/series";

/** The values of a region, in the unit in which its statistics are stated. */
export interface RegionValues {
  values: number[];
  /** UCUM; "1" of what has none. */
  unit: string;
  /** What the values are called by the header, such as "ADC". */
  of: string;
}

/**
 * Of the stored image that a shape lies on; null where it is not loaded, of a colour, or of a picture
 * that is subtracted, whose values are others.
 */
export function regionValues(one: Measurement, opened: readonly LoadedSeries[]): RegionValues | null {
  for (const { imageIds, order } of opened) {
    const index = order.slices.findIndex(
      ({ sopInstanceUid, frameNumber }) => sopInstanceUid === one.sopInstanceUid && frameNumber === one.frameNumber,
    );
    const [imageId, slice] = [imageIds[index], order.slices[index]];
    const image = imageId ? cache.getImage(imageId) : undefined;
    if (!imageId || !slice || !image) continue;
    if ((image.numberOfComponents || 1) > 1 || frameChanges.isChanged(imageId)) return null;
    const { columns, rows } = image;
    const { column, row } = proportionsAt(calibrationOf(slice.dataset), one.points[0] ?? [0, 0]);
    const drawn = { columns, rows, values: image.getPixelData(), aspect: row / column };
    const found = [...valuesWithin(one.kind, one.points, drawn, paddingsOf(slice.dataset))];
    return found.length === 0 ? null : inUnit(found, slice.dataset);
  }
  return null;
}

function inUnit(values: number[], dataset: Parameters<typeof suvFactorOf>[0]): RegionValues {
  const suv = suvFactorOf(dataset);
  if (suv !== null) return { values: values.map((value) => value * suv), unit: "g/ml{SUVbw}", of: "" };
  const unit = unitOfValues(dataset);
  const map = mayBeMapped(unit) ? realWorldOf(dataset) : null;
  const mapped = map ? values.map((value) => realWorldValue(map, value)) : [];
  const isMapped = map !== null && mapped.every((value) => value !== null);
  return isMapped ? { values: mapped as number[], unit: map.unit, of: map.label } : { values, unit, of: "" };
}
