import type { Types } from "@cornerstonejs/core";
import {
  annotation,
  CrosshairsTool,
  Enums,
  type PanTool,
  ToolGroupManager,
  type Types as ToolTypes,
} from "@cornerstonejs/tools";
import { toolClasses, type ToolName } from "./runtime";

const { MouseBindings } = Enums;
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

/**
 * The mouse over the views: the chosen tool on the left button, zoom on the right, pan on the
 * middle, slices on the wheel.
 */
export class MouseTools {
  private readonly group: ToolTypes.IToolGroup;
  private left: ToolName = "window";
  private crosshairs = false;
  private crosshairMode: "off" | "shown" | "active" = "off";

  constructor(private readonly id: string) {
    this.group = group(id);
    for (const tool of Object.values(toolClasses)) {
      this.group.addTool(
        tool.toolName,
        tool === CrosshairsTool
          ? {
              getReferenceLineColor: (viewId: string) => lineColors[viewId] ?? "rgb(200, 200, 200)",
              getReferenceLineSlabThicknessControlsOn: () => false,
            }
          : {},
      );
    }
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
    this.bind();
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

  removeMeasurements(): void {
    annotation.state.removeAllAnnotations();
    if (!this.crosshairs) return;
    // The lines are annotations too, and went with the rest.
    const { center } = this;
    this.useCrosshairs(false);
    this.useCrosshairs(true);
    if (center) this.moveCrosshairs(center);
  }

  end(): void {
    annotation.state.removeAllAnnotations();
    ToolGroupManager.destroyToolGroup(this.id);
  }

  private bind(): void {
    const bindings = new Map<ToolName, ToolTypes.IToolBinding[]>([
      ["scroll", [{ mouseButton: MouseBindings.Wheel }]],
      ["zoom", [{ mouseButton: MouseBindings.Secondary }]],
      ["pan", [{ mouseButton: MouseBindings.Auxiliary }]],
    ]);
    const left = this.left === "crosshairs" && !this.crosshairs ? "window" : this.left;
    bindings.set(left, [
      ...(bindings.get(left) ?? []),
      { mouseButton: MouseBindings.Primary },
    ]);
    for (const [name, tool] of Object.entries(toolClasses) as [ToolName, typeof PanTool][]) {
      const bound = bindings.get(name);
      if (name === "crosshairs") this.bindCrosshairs(bound);
      else if (bound) this.group.setToolActive(tool.toolName, { bindings: bound });
      else this.group.setToolPassive(tool.toolName, { removeAllBindings: true });
    }
  }

  /** Every change of their mode centres the planes anew, so they change only when they must. */
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
