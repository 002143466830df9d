import {
  cache,
  Enums as CoreEnums,
  imageLoader,
  imageLoadPoolManager,
  init as initCore,
  type Types,
} from "@cornerstonejs/core";
import { init as initLoader, wadors } from "@cornerstonejs/dicom-image-loader";
import {
  addTool,
  AngleTool,
  ArrowAnnotateTool,
  BidirectionalTool,
  BrushTool,
  CircleROITool,
  CircleScissorsTool,
  CobbAngleTool,
  CrosshairsTool,
  EllipticalROITool,
  Enums,
  init as initTools,
  LengthTool,
  MagnifyTool,
  PaintFillTool,
  PanTool,
  PlanarFreehandROITool,
  ProbeTool,
  RectangleROITool,
  RectangleScissorsTool,
  ReferenceLinesTool,
  segmentation,
  TrackballRotateTool,
  WindowLevelTool,
  ZoomTool,
} from "@cornerstonejs/tools";
import { log as dcmjsLog } from "dcmjs";
import type { DicomJson } from "@/dicom/dicomweb";
import { text } from "@/shared/i18n";
import { applyLut, modalityLutOf } from "@/dicom/display/lut";
import { areOverlaysReadable, bitsAt, cellOf, isOfCells, overlaysInPixels, statedHeader, withoutOverlayBits } from "@/dicom/display/pixelCells";
import { frameChanges } from "./frameChanges";
import { overlayBits } from "./overlayBits";
import { FrameRefusal } from "./frames";
import { drawWithoutAntialiasing } from "./renderer";
import { FreeTextTool } from "./annotations/freeText";
import { LinesAngleTool } from "./annotations/linesAngle";
import { SpineLabelTool } from "./annotations/spineLabels";
import { RegionWindowTool } from "./windows/regionWindow";
import { SeriesScrollTool } from "./views/scrolling";

/** What each measuring tool of the toolbar is called by Cornerstone. */
export const measuringClasses = {
  length: LengthTool,
  bidirectional: BidirectionalTool,
  angle: AngleTool,
  cobb: CobbAngleTool,
  lines: LinesAngleTool,
  ellipse: EllipticalROITool,
  circle: CircleROITool,
  rectangle: RectangleROITool,
  freehand: PlanarFreehandROITool,
  probe: ProbeTool,
  arrow: ArrowAnnotateTool,
  text: FreeTextTool,
  vertebra: SpineLabelTool,
} as const;

export type MeasuringTool = keyof typeof measuringClasses;

/** What each mouse tool of the toolbar is called by Cornerstone. */
export const toolClasses = {
  window: WindowLevelTool,
  region: RegionWindowTool,
  zoom: ZoomTool,
  pan: PanTool,
  scroll: SeriesScrollTool,
  magnify: MagnifyTool,
  crosshairs: CrosshairsTool,
  ...measuringClasses,
} as const;

export type ToolName = keyof typeof toolClasses;

/** What each tool that changes a mask is called by Cornerstone; the brushes and the eraser are one. */
export const editToolNames = {
  brush: BrushTool.toolName as string,
  eraser: "Eraser of masks",
  threshold: "Brush within a range",
  circle: CircleScissorsTool.toolName as string,
  rectangle: RectangleScissorsTool.toolName as string,
  fill: PaintFillTool.toolName as string,
} as const;

export type EditTool = keyof typeof editToolNames;

const maxDecodeWorkers = 4;

/** Cornerstone knows slope and intercept alone; a modality LUT is applied to the pixels themselves. */
function withModalityLut(image: Types.IImage): void {
  const header = wadors.metaDataManager.get(image.imageId) as DicomJson | undefined;
  const lut = header && !image.color ? modalityLutOf(header) : null;
  if (!lut) return;
  applyLut(image.getPixelData() as Int16Array, lut);
  image.minPixelValue = lut.values.reduce((least, value) => Math.min(least, value));
  image.maxPixelValue = lut.values.reduce((most, value) => Math.max(most, value));
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

/** Cornerstone's loader; a frame with fewer pixels than its header says is refused, not drawn. */
function loadWholeFrame(imageId: string, options?: Record<string, unknown>): Types.IImageLoadObject {
  const load = wadors.loadImage(imageId, options) as Types.IImageLoadObject;
  const promise = load.promise.then(async (image) => {
    const expected = image.rows * image.columns * (image.numberOfComponents || 1);
    const found = image.getPixelData().length;
    if (found < expected) {
      throw new FrameRefusal(text().refusals.images.fewValues(found, expected));
    }
    refuseOtherBits(image);
    takeOverlayBits(image);
    withModalityLut(image);
    // Asked now and not when the load began: what is wanted may have changed meanwhile.
    await frameChanges.get(imageId)?.(image, loadUnchanged);
    return image;
  });
  return { ...load, promise };
}

async function loadUnchanged(imageId: string): Promise<Types.IImage> {
  const image = await (wadors.loadImage(imageId) as Types.IImageLoadObject).promise;
  refuseOtherBits(image);
  takeOverlayBits(image);
  withModalityLut(image);
  return image;
}

let started: Promise<void> | null = null;

async function startOnce(): Promise<void> {
  // dcmjs prints a line for every value in a header that breaks its VR; real headers hold many.
  dcmjsLog.setLevel("silent", false);
  drawWithoutAntialiasing();
  initCore();
  const workers = Math.max(1, Math.min(maxDecodeWorkers, (navigator.hardwareConcurrency || 2) - 1));
  // Initialising the loader purges its metadata, so it happens before any series is registered.
  initLoader({ maxWebWorkers: workers });
  imageLoader.registerImageLoader("wadors", loadWholeFrame);
  initTools();
  const others = [ReferenceLinesTool, TrackballRotateTool];
  const editing = [BrushTool, CircleScissorsTool, RectangleScissorsTool, PaintFillTool];
  for (const tool of [...Object.values(toolClasses), ...others, ...editing]) addTool(tool);
}

/** Starts Cornerstone once for the page; every caller awaits the same start. */
export function start(): Promise<void> {
  started ??= startOnce();
  return started;
}

/** Gives back what the images of a study took; the next one begins with an empty cache. */
export function forgetImages(): void {
  for (const type of [CoreEnums.RequestType.Prefetch, CoreEnums.RequestType.Interaction]) {
    imageLoadPoolManager.clearRequestStack(type);
  }
  cache.purgeCache();
  frameChanges.clear();
  overlayBits.clear();
  wadors.metaDataManager.purge();
}

export interface MaskStyle {
  /** Share of the fill, 0..1. */
  opacity: number;
  fill: boolean;
  outline: boolean;
}

/** For all masks, or for one of them. */
export function applyMaskStyle({ opacity, fill, outline }: MaskStyle, segmentationId?: string): void {
  segmentation.config.style.setStyle(
    { type: Enums.SegmentationRepresentations.Labelmap, segmentationId },
    {
      renderFill: fill,
      renderFillInactive: fill,
      fillAlpha: opacity,
      fillAlphaInactive: opacity,
      renderOutline: outline,
      renderOutlineInactive: outline,
      outlineWidth: 2,
      outlineWidthInactive: 2,
      outlineOpacity: 0.95,
      outlineOpacityInactive: 0.95,
      activeSegmentOutlineWidthDelta: 0,
    },
  );
}

export type SegmentStyle = Pick<MaskStyle, "opacity" | "fill">;

/** One segment's own fill; outlines are drawn for a mask as a whole. */
export function applySegmentStyle(
  segmentationId: string,
  segmentIndex: number,
  { opacity, fill }: SegmentStyle,
): void {
  segmentation.config.style.setStyle(
    { type: Enums.SegmentationRepresentations.Labelmap, segmentationId, segmentIndex },
    { renderFill: fill, renderFillInactive: fill, fillAlpha: opacity, fillAlphaInactive: opacity },
    false,
  );
}
