/** The only room that calls Cornerstone3D: the rest of the viewer speaks to a Scene. */
export { loadMask, type LoadedMask, type MaskSegment } from "./mask";
export { type MaskStyle, type ToolName } from "./runtime";
export { Scene, type SceneListener } from "./scene";
export { registerSeries, type LoadedSeries } from "./series";
export { type Undrawable } from "./undrawable";
export { planes, type Plane, type ViewId, type ViewInfo } from "./view";
