/** The only room that calls Cornerstone3D: the rest of the viewer speaks to a Scene. */
export { MaskEditing } from "./editing";
export { loadMask, type LoadedMask, type MaskSegment } from "./mask";
export { projections, type Projection, type Slab } from "./planes";
export { drawsInSoftware } from "./renderer";
export { start, type EditTool, type MaskStyle, type MeasuringTool, type SegmentStyle, type ToolName } from "./runtime";
export { Scene, type SceneListener } from "./scene";
export { registerSeries, type LoadedSeries } from "./series";
export { type Turn } from "./turning";
export { type Undrawable } from "./undrawable";
export { cells, isCell, planes, type CellId, type Matrix, type Plane, type ViewId, type ViewInfo } from "./view";
export { type ValueAt } from "./values";
export { volumePresets } from "./volume";
