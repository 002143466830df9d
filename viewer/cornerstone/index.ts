/** The only room that calls Cornerstone3D: the rest of the viewer speaks to a Scene. */
export { pointClicks } from "./annotations/pointClicks";
export { ClickedMask } from "./masks/clicked";
export { Drawing, type DrawnSlice } from "./masks/drawing";
export { MaskEditing, type MaskEdit } from "./masks/editing";
export { loadMask, type LoadedMask, type MaskSegment } from "./masks/mask";
export { loadPlaced, loadResampled } from "./masks/resampled";
export { openingSlab, projections, type Projection, type Slab } from "./views/slab";
export { fusionColors, type FusionColors, type FusionLook } from "./views/fusion";
export { drawsInSoftware } from "./renderer";
export { start, type EditTool, type MaskStyle, type MeasuringTool, type SegmentStyle, type ToolName } from "./runtime";
export { Scene, type SceneListener } from "./scene";
export { partOf, registerSeries, type LoadedSeries } from "./series";
export { sliceValues } from "./sliceValues";
export { type Turn } from "./views/turning";
export { type Undrawable } from "./views/undrawable";
export { cells, isCell, planes, type CellId, type Matrix, type Plane, type ShownPlane, type ViewId, type ViewInfo } from "./views/view";
export { type ValueAt } from "./values";
export { volumePresets } from "./views/volume";
