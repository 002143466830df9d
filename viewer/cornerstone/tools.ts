import type { Types } from "@cornerstonejs/core";
import {
  annotation,
  CrosshairsTool,
  Enums,
  type PanTool,
  ReferenceLinesTool,
  ToolGroupManager,
  type Types as ToolTypes,
  utilities,
} from "@cornerstonejs/tools";
import type { WindowRange } from "@/dicom/windowing";
import { text } from "@/shared/i18n";
import { askForText } from "./annotations/freeText";
import { placeLevel } from "./annotations/spineLabels";
import type { StretchOf } from "./annotations/stretched";
import { promptClicks } from "./annotations/promptClicks";
import {
  editToolNames,
  measuringClasses,
  toolClasses,
  type EditTool,
  type MeasuringTool,
  type ToolName,
} from "./runtime";

const { MouseBindings } = Enums;
/** Tools that are Cornerstone's brush with another strategy. */
const brushStrategies: Readonly<Record<string, string>> = {
  eraser: "ERASE_INSIDE_CIRCLE",
  threshold: "THRESHOLD_INSIDE_CIRCLE",
};
const lineColors: Record<string, string> = {
  axial: "rgb(240, 196, 96)",
  sagittal: "rgb(92, 200, 214)",
  coronal: "rgb(158, 206, 106)",
};

function group(id: string): ToolTypes.IToolGroup {
  const made = ToolGroupManager.createToolGroup(id);
  if (!made) throw new Error(`The tool group ${id} exists already.`);
  return made;
}

/** What the tools ask of what is drawn. */
interface Drawings {
  linesOf: (data: ToolTypes.AnnotationData) => string[];
  stretchOf: StretchOf;
}

function configurationOf(toolName: string, { linesOf, stretchOf }: Drawings): Record<string, unknown> {
  if (toolName === CrosshairsTool.toolName) {
    return {
      getReferenceLineColor: (viewId: string) => lineColors[viewId] ?? "rgb(200, 200, 200)",
      getReferenceLineSlabThicknessControlsOn: () => false,
    };
  }
  // An arrow is named in the list, like everything that is drawn; Cornerstone would ask at once.
  if (toolName === toolClasses.arrow.toolName) {
    return {
      getTextCallback: (done: (text: string) => void) => done(text().viewing.kinds.arrow),
      changeTextCallback: () => undefined,
    };
  }
  if (toolName === toolClasses.text.toolName) return { getTextCallback: (done: (given: string) => void) => askForText(done) };
  if (toolName === toolClasses.vertebra.toolName) return { getTextCallback: placeLevel };
  // Beside a drawing stands what the list says of it, in the page's language: a probe's SUV, too.
  const overrides = measuringToolOf(toolName) === null ? {} : { getTextLines: (data: ToolTypes.AnnotationData) => orNone(linesOf(data)) };
  return toolName === toolClasses.freehand.toolName ? { ...overrides, calculateStats: true } : { ...overrides, stretchOf };
}

/** Nothing to say yet is no text at all: an empty one would draw its line. */
function orNone(lines: string[]): string[] | undefined {
  return lines.length > 0 ? lines : undefined;
}

/**
 * The mouse over the views: the chosen tool on the left button, zoom on the right, pan on the
 * middle, slices on the wheel.
 */
export class MouseTools {
  private readonly group: ToolTypes.IToolGroup;
  private left: ToolName = "window";
  private isJustChosen = false;
  private editing: EditTool | "points" | null = null;
  private endPromptClicks = (): void => undefined;
  private crosshairs = false;
  private crosshairMode: "off" | "shown" | "active" = "off";

  constructor(
    private readonly id: string,
    drawings: Drawings,
  ) {
    this.group = group(id);
    for (const tool of Object.values(toolClasses)) {
      this.group.addTool(tool.toolName, configurationOf(tool.toolName, drawings));
    }
    this.group.addTool(ReferenceLinesTool.toolName, {});
    for (const [name, toolName] of Object.entries(editToolNames)) {
      const strategy = brushStrategies[name];
      if (strategy) this.group.addToolInstance(toolName, editToolNames.brush, { activeStrategy: strategy });
      else this.group.addTool(toolName, {});
    }
    this.drawFirst();
    this.bind();
  }

  attach(viewId: string): void {
    this.group.addViewport(viewId, this.id);
  }

  detach(viewId: string): void {
    this.group.removeViewports(this.id, viewId);
  }

  use(tool: ToolName): void {
    this.left = tool;
    this.isJustChosen = tool in measuringClasses;
    this.bind();
  }

  /** The first press with a measuring tool draws, also where it comes upon the end of another drawing. */
  private drawFirst(): void {
    for (const { toolName } of Object.values(measuringClasses)) {
      const tool: { preMouseDownCallback?: () => boolean } | undefined = this.group.getToolInstance(toolName);
      if (!tool) continue;
      tool.preMouseDownCallback = () => {
        const { isJustChosen } = this;
        this.isJustChosen = false;
        return isJustChosen;
      };
    }
  }

  /**
   * While a mask is edited, the left button and one finger change it; with `points` they do nothing
   * by themselves (`pointClicks`). Null ends that.
   */
  edit(tool: EditTool | "points" | null): void {
    if (tool === null || this.editing === null) {
      this.endPromptClicks();
      this.endPromptClicks = tool === null ? () => undefined : promptClicks();
    }
    this.editing = tool;
    this.bind();
  }

  setBrushRadius(radiusMm: number): void {
    utilities.segmentation.setBrushSizeForToolGroup(this.id, radiusMm);
  }

  /** Which values the brush within a range paints over, the ends among them. */
  setBrushRange({ lower, upper }: WindowRange): void {
    utilities.segmentation.setBrushThresholdForToolGroup(this.id, { range: [lower, upper], isDynamic: false, dynamicRadius: 0 });
  }

  /** Crosshairs need three planes. */
  useCrosshairs(on: boolean): void {
    this.crosshairs = on;
    this.bind();
  }

  moveCrosshairs(point: Types.Point3): void {
    if (!this.crosshairs) return;
    const tool: unknown = this.group.getToolInstance(CrosshairsTool.toolName);
    if (tool instanceof CrosshairsTool) tool.setToolCenter(point);
  }

  /** Draws, over the other views, where the slice of this one cuts them. */
  showReferenceLines(sourceViewId: string, on: boolean): void {
    const { toolName } = ReferenceLinesTool;
    if (!on) {
      this.group.setToolDisabled(toolName);
      return;
    }
    this.group.setToolConfiguration(toolName, { sourceViewportId: sourceViewId });
    this.group.setToolEnabled(toolName);
  }

  end(): void {
    this.endPromptClicks();
    annotation.state.removeAllAnnotations();
    ToolGroupManager.destroyToolGroup(this.id);
  }

  private bind(): void {
    const bindings = new Map<ToolName, ToolTypes.IToolBinding[]>([
      ["scroll", [{ mouseButton: MouseBindings.Wheel }, { numTouchPoints: 3 }]],
      // Two fingers pinch and pan.
      ["zoom", [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }]],
      ["pan", [{ mouseButton: MouseBindings.Auxiliary }]],
    ]);
    const left = this.left === "crosshairs" && !this.crosshairs ? "window" : this.left;
    const primary = [{ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 }];
    if (!this.editing) bindings.set(left, [...(bindings.get(left) ?? []), ...primary]);
    for (const [name, toolName] of Object.entries(editToolNames)) {
      if (name === this.editing) this.group.setToolActive(toolName, { bindings: primary });
      else this.group.setToolDisabled(toolName);
    }
    for (const [name, tool] of Object.entries(toolClasses) as [ToolName, typeof PanTool][]) {
      const bound = bindings.get(name);
      if (name === "crosshairs") this.bindCrosshairs(bound);
      else {
        // Cornerstone adds bindings to those that were: a zoom that was once on the left button stayed there.
        this.group.setToolPassive(tool.toolName, { removeAllBindings: true });
        if (bound) this.group.setToolActive(tool.toolName, { bindings: bound });
      }
    }
  }

  /** Every change of their mode centres the planes again, so they change only when they must. */
  private bindCrosshairs(bound: ToolTypes.IToolBinding[] | undefined): void {
    const mode = !this.crosshairs ? "off" : bound ? "active" : "shown";
    if (mode === this.crosshairMode) return;
    const { toolName } = CrosshairsTool;
    const { center } = this;
    this.crosshairMode = mode;
    if (mode === "off") this.group.setToolDisabled(toolName);
    else if (bound) this.group.setToolActive(toolName, { bindings: bound });
    else {
      this.group.setToolPassive(toolName, { removeAllBindings: true });
      this.group.setToolEnabled(toolName);
    }
    if (center && mode !== "off") this.moveCrosshairs(center);
  }

  /** Where the crosshairs meet; null while they are off. */
  get center(): Types.Point3 | null {
    if (this.crosshairMode === "off") return null;
    const tool: unknown = this.group.getToolInstance(CrosshairsTool.toolName);
    return tool instanceof CrosshairsTool ? [...tool.toolCenter] : null;
  }
}

/** The tool of the toolbar that drew an annotation; null for what is no measurement. */
export function measuringToolOf(toolName: string): MeasuringTool | null {
  const found = Object.entries(measuringClasses).find(([, tool]) => tool.toolName === toolName);
  return found ? (found[0] as MeasuringTool) : null;
}
