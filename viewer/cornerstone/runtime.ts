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
  BrushTool,
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
import { text } from "@/shared/i18n";
import { frameChanges } from "./frameChanges";
import { overlayBits } from "./overlayBits";
import { FrameRefusal } from "./frames";
import { drawWithoutAntialiasing } from "./renderer";
import { FreeTextTool } from "./annotations/freeText";
import { LinesAngleTool } from "./annotations/linesAngle";
import { SpineLabelTool } from "./annotations/spineLabels";
import { AxesTool, CircleTool } from "./annotations/stretched";
import { RegionWindowTool } from "./windows/regionWindow";
import { inStatedColors, valuesAsStated } from "./values/loadedValues";
import { SeriesScrollTool } from "./views/scrolling";

/** What each measuring tool of the toolbar is called by Cornerstone. */
export const measuringClasses = {
  length: LengthTool,
  bidirectional: AxesTool,
  angle: AngleTool,
  cobb: CobbAngleTool,
  lines: LinesAngleTool,
  ellipse: EllipticalROITool,
  circle: CircleTool,
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

/** Cornerstone's loader; a frame with fewer pixels than its header says is refused, not drawn. */
function loadWholeFrame(imageId: string, options?: Record<string, unknown>): Types.IImageLoadObject {
  const load = wadors.loadImage(imageId, options) as Types.IImageLoadObject;
  const promise = load.promise.then(async (loaded) => {
    const expected = loaded.rows * loaded.columns * (loaded.numberOfComponents || 1);
    const found = loaded.getPixelData().length;
    if (found < expected) {
      throw new FrameRefusal(text().refusals.images.fewValues(found, expected));
    }
    const image = await inStatedColors(loaded, loadAsItCame);
    valuesAsStated(image);
    // Asked now and not when the load began: what is wanted may have changed meanwhile.
    await frameChanges.get(imageId)?.(image, loadUnchanged);
    return image;
  });
  return { ...load, promise };
}

function loadAsItCame(imageId: string): Promise<Types.IImage> {
  return (wadors.loadImage(imageId) as Types.IImageLoadObject).promise;
}

async function loadUnchanged(imageId: string): Promise<Types.IImage> {
  const image = await inStatedColors(await loadAsItCame(imageId), loadAsItCame);
  valuesAsStated(image);
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
