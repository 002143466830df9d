import { adaptersSEG } from "@cornerstonejs/adapters";
import { metaData } from "@cornerstonejs/core";
import { Enums, segmentation } from "@cornerstonejs/tools";
import { paletteColor, rgbFromDicomLab, type Rgb } from "@/dicom/color";
import { lpsOfPixel, type Vector } from "@/dicom/geometry";
import { segmentExtents, type SegmentExtent } from "@/dicom/segmentation/labelmap";
import { start } from "@/cornerstone/runtime";
import type { LoadedSeries } from "@/cornerstone/series";

export interface MaskSegment {
  segmentNumber: number;
  label: string;
  algorithm: string;
  color: Rgb;
  /** Null when the segment has no voxel on this series. */
  extent: SegmentExtent | null;
  /** A point in the middle of the segment: LPS, mm. */
  centerLpsMm: Vector | null;
}

export interface LoadedMask {
  segmentationId: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  segments: MaskSegment[];
  /** What was done to it before it could be drawn, in words; none for one on the grid of its images. */
  notes: readonly string[];
  /** Where to look first: the middle of the largest stretch of planes that any segment fills. */
  opening: { index: number; centerLpsMm: Vector } | null;
}

export interface SegmentItem {
  SegmentNumber?: number;
  SegmentLabel?: string;
  SegmentAlgorithmType?: string;
  SegmentAlgorithmName?: string;
  RecommendedDisplayCIELabValue?: number[];
}

export interface LabelmapImage {
  imageId: string;
  columns: number;
  getPixelData(): ArrayLike<number>;
}

/** Reads a SEG (BINARY or LABELMAP) onto the grid of its series and registers it. */
export async function loadMask(
  series: LoadedSeries,
  segSeriesInstanceUid: string,
  sopInstanceUid: string,
  part10: ArrayBuffer,
): Promise<LoadedMask> {
  await start();
  const segmentationId = `seg:${sopInstanceUid}`;
  const { labelMapImages, segMetadata } =
    await adaptersSEG.Cornerstone3D.Segmentation.createFromDICOMSegBuffer(series.imageIds, part10, {
      metadataProvider: metaData,
    });
  const groups = labelMapImages as LabelmapImage[][];
  const extents = extentsIn(groups);
  const segments = (segMetadata.data as (SegmentItem | undefined)[]).flatMap((item, segmentNumber) =>
    item && segmentNumber > 0 ? [maskSegment(series, item, segmentNumber, extents.get(segmentNumber))] : [],
  );
  register(series, segmentationId, groups.flat().map(({ imageId }) => imageId), segments);
  return {
    segmentationId,
    sopInstanceUid,
    seriesInstanceUid: segSeriesInstanceUid,
    segments,
    notes: [],
    opening: openingOf(segments),
  };
}

/** Where each segment lies in the label maps of a series, of which there are several where segments overlap. */
export function extentsIn(groups: readonly (readonly LabelmapImage[])[]): Map<number, SegmentExtent> {
  const extents = new Map<number, SegmentExtent>();
  for (const images of groups) {
    const planes = images.map((image) => image.getPixelData());
    for (const [segment, extent] of segmentExtents(planes, images[0]?.columns ?? 1)) extents.set(segment, extent);
  }
  return extents;
}

/** Makes a segmentation known to Cornerstone, in place of one of the same name. */
export function register(
  series: LoadedSeries,
  segmentationId: string,
  labelmapIds: readonly string[],
  segments: readonly Pick<MaskSegment, "segmentNumber" | "label">[],
): void {
  if (segmentation.state.getSegmentation(segmentationId)) {
    segmentation.removeSegmentation(segmentationId);
  }
  segmentation.addSegmentations([
    {
      segmentationId,
      representation: {
        type: Enums.SegmentationRepresentations.Labelmap,
        data: {
          imageIds: [...labelmapIds],
          referencedImageIds: series.imageIds,
        },
      },
      config: {
        segments: Object.fromEntries(
          segments.map(({ segmentNumber, label }) => [
            segmentNumber,
            { segmentIndex: segmentNumber, label, locked: true, active: false, cachedStats: {} },
          ]),
        ),
      },
    },
  ]);
}

export function maskSegment(
  series: LoadedSeries,
  item: SegmentItem,
  segmentNumber: number,
  extent: SegmentExtent | undefined,
): MaskSegment {
  const slice = extent ? series.order.slices[extent.middlePlane] : undefined;
  return {
    segmentNumber,
    label: item.SegmentLabel ?? `Segment ${segmentNumber}`,
    algorithm: item.SegmentAlgorithmName ?? "",
    color: rgbFromDicomLab(item.RecommendedDisplayCIELabValue ?? []) ?? paletteColor(segmentNumber),
    extent: extent ?? null,
    centerLpsMm: extent && slice ? lpsOfPixel(slice.dataset, extent.column, extent.row) : null,
  };
}

export function openingOf(segments: readonly MaskSegment[]): LoadedMask["opening"] {
  let best: { index: number; centerLpsMm: Vector } | null = null;
  let bestSpan = -1;
  for (const { extent, centerLpsMm } of segments) {
    if (!extent || !centerLpsMm) continue;
    const span = extent.lastPlane - extent.firstPlane;
    if (span > bestSpan) {
      bestSpan = span;
      best = { index: extent.middlePlane, centerLpsMm };
    }
  }
  return best;
}
